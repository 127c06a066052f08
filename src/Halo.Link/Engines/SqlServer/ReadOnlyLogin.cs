using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer;

/// <summary>Whether a login can only read. SQL Server has no read-only session: what the practice's rule asks for, the login itself must be.</summary>
static class ReadOnlyLogin
{
    const string Unanswered = "the server did not answer what the login may do";

    /// <summary>Gives the first right that a login has beyond reading, by whatever way it came to it; empty: none.</summary>
    /// <remarks>
    /// Rights on what Microsoft ships (negative ids) count for nothing. EXECUTE counts as writing, since a procedure may do anything, but
    /// not on scalar functions, which change no data; where a DENY stands against a GRANT, the right is not there. Owners of a schema or of
    /// an object may do anything to it.
    /// </remarks>
    public const string Right = """
        SELECT COALESCE(
            CASE WHEN IS_SRVROLEMEMBER('sysadmin') = 1 THEN 'it is a member of the server role sysadmin' END,
            CASE WHEN IS_SRVROLEMEMBER('securityadmin') = 1 THEN 'it is a member of the server role securityadmin' END,
            (SELECT TOP (1) 'it is a member of the database role ' + r.name FROM (VALUES ('db_owner'), ('db_datawriter'), ('db_ddladmin'), ('db_securityadmin'), ('db_accessadmin'), ('db_backupoperator')) AS r(name)
                WHERE IS_MEMBER(r.name) = 1),
            (SELECT TOP (1) 'it has ' + p.name + ' on the whole database' FROM (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('EXECUTE'), ('ALTER'), ('CONTROL'), ('CREATE TABLE'), ('CREATE PROCEDURE'), ('TAKE OWNERSHIP')) AS p(name)
                WHERE HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', p.name) = 1),
            (SELECT TOP (1) 'it owns the schema ' + s.name FROM sys.schemas AS s
                WHERE s.principal_id = DATABASE_PRINCIPAL_ID() OR s.principal_id > 4 AND s.principal_id < 16384 AND IS_MEMBER(USER_NAME(s.principal_id)) = 1),
            (SELECT TOP (1) 'it owns ' + o.name FROM sys.objects AS o WHERE o.is_ms_shipped = 0
                AND (o.principal_id = DATABASE_PRINCIPAL_ID() OR IS_MEMBER(USER_NAME(o.principal_id)) = 1)),
            (SELECT TOP (1) 'it has ' + p.permission_name + ' on ' + p.place + ' (granted to ' + p.grantee + ')'
                FROM (SELECT p.permission_name, USER_NAME(p.grantee_principal_id) AS grantee, p.class, p.major_id, p.minor_id, o.type,
                        CASE p.class WHEN 1 THEN QUOTENAME(OBJECT_SCHEMA_NAME(p.major_id)) + '.' + QUOTENAME(OBJECT_NAME(p.major_id)) WHEN 3 THEN QUOTENAME(SCHEMA_NAME(p.major_id)) END AS place
                    FROM sys.database_permissions AS p LEFT JOIN sys.objects AS o ON p.class = 1 AND o.object_id = p.major_id
                    WHERE p.state IN ('G', 'W') AND p.class IN (1, 3) AND p.major_id > 0
                        AND p.permission_name NOT IN ('SELECT', 'REFERENCES', 'UNMASK') AND p.permission_name NOT LIKE 'VIEW %'
                        AND (p.grantee_principal_id = DATABASE_PRINCIPAL_ID() OR IS_MEMBER(USER_NAME(p.grantee_principal_id)) = 1)) AS p
                WHERE p.place IS NOT NULL AND NOT (p.permission_name = 'EXECUTE' AND p.type IN ('FN', 'FS', 'AF'))
                    AND (p.minor_id > 0 OR HAS_PERMS_BY_NAME(p.place, CASE p.class WHEN 1 THEN 'OBJECT' ELSE 'SCHEMA' END, p.permission_name) = 1)),
            '')
        """;

    /// <summary>Runs what ends with <see cref="Right"/>.</summary>
    /// <returns>The refusal's words, after the rule's name; null: the login can only read.</returns>
    public static string? WhyNot(SqlCommand command)
    {
        string right;
        try
        {
            right = command.ExecuteScalar() as string ?? Unanswered;
        }
        catch (SqlException e) when (e.Class < 20 && command.Connection.State == System.Data.ConnectionState.Open)
        {
            // A server that cannot answer the question has not answered it with yes.
            right = Unanswered;
        }
        return right.Length == 0 ? null
            : $"needs a login that can only read the database, and of the configured one it is not so: {right}."
                + " Give the integrator a login made by deploy/sql/sqlserver-reader.sql (connectionString). Nothing ran.";
    }
}

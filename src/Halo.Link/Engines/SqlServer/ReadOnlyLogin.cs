using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer;

/// <summary>Whether a login can only read. SQL Server has no read-only session: what the practice's rule asks for, the login itself must be.</summary>
static class ReadOnlyLogin
{
    public const string Advice =
        "needs a login that can only read the database, and the configured one can do more, or cannot be shown to do no more."
        + " Give the integrator a login of the role db_datareader alone (connectionString). Nothing ran.";

    /// <summary>What the login can do to the whole database, by whatever way it came to it, and every right given on a part of it.</summary>
    /// <remarks>Rights on what Microsoft ships (negative ids) count for nothing; EXECUTE counts as writing: a procedure may do anything.</remarks>
    const string CanOnlyRead = """
        SELECT CASE WHEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'INSERT') = 0
            AND HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'UPDATE') = 0
            AND HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'DELETE') = 0
            AND HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'EXECUTE') = 0
            AND HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'ALTER') = 0
            AND HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'CREATE TABLE') = 0
            AND IS_ROLEMEMBER('db_ddladmin') = 0 AND IS_ROLEMEMBER('db_securityadmin') = 0 AND IS_ROLEMEMBER('db_accessadmin') = 0
            AND IS_SRVROLEMEMBER('sysadmin') = 0 AND IS_SRVROLEMEMBER('securityadmin') = 0
            AND NOT EXISTS (
                SELECT 1 FROM sys.database_permissions AS p
                WHERE p.state IN ('G', 'W') AND p.major_id >= 0
                    AND p.permission_name NOT IN ('CONNECT', 'SELECT', 'SHOWPLAN', 'UNMASK') AND p.permission_name NOT LIKE 'VIEW %'
                    AND (p.grantee_principal_id = DATABASE_PRINCIPAL_ID() OR IS_MEMBER(USER_NAME(p.grantee_principal_id)) = 1))
            THEN 1 ELSE 0 END
        """;

    public static async Task<bool> IsAsync(SqlConnection connection, CancellationToken stop)
    {
        await using var command = new SqlCommand(CanOnlyRead, connection) { CommandTimeout = 15 };
        try
        {
            return await command.ExecuteScalarAsync(stop) is 1;
        }
        catch (SqlException e) when (e.Class < 20)
        {
            // A server that cannot answer the question has not answered it with yes.
            return false;
        }
    }
}

using System.Collections.Concurrent;
using Npgsql;

namespace Halo.Link.Engines.Postgres.Connections;

/// <summary>Whether a login can do nothing but read a database: what the practice's rule <c>readOnly</c> asks for. Looked at with a connection of its own, and again after a minute.</summary>
sealed class PostgresReaderLogin(TimeProvider time)
{
    const int Named = 5;

    /// <summary>
    /// What stands in the way, the most telling first. Asked of the login and of every role that it is a member of, since it may become any of these.
    /// TEMP, EXECUTE and rights on what the server brings along count for nothing.
    /// </summary>
    const string Obstacles = """
        WITH mine AS (
            SELECT r.oid, r.rolname, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication,
                CASE WHEN r.rolname = current_user THEN '' ELSE ' through ' || r.rolname END AS way
            FROM pg_catalog.pg_roles r WHERE pg_catalog.pg_has_role(r.oid, 'MEMBER')),
        plain AS (SELECT * FROM mine WHERE NOT EXISTS (SELECT FROM mine WHERE rolsuper)),
        places AS (
            SELECT n.oid, n.nspname, n.nspowner FROM pg_catalog.pg_namespace n WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'),
        found (rank, words) AS (
            SELECT 1, 'it is a superuser' || way FROM mine WHERE rolsuper AND (rolname = current_user OR NOT EXISTS (SELECT FROM mine WHERE rolsuper AND rolname = current_user))
            UNION ALL SELECT 2, 'it is a member of ' || rolname FROM plain WHERE rolname IN ('pg_write_all_data', 'pg_execute_server_program', 'pg_write_server_files',
                'pg_read_server_files', 'pg_signal_backend', 'pg_signal_autovacuum_worker', 'pg_checkpoint', 'pg_maintain', 'pg_create_subscription')
            UNION ALL SELECT 3, 'it has ' || concat_ws(', ', CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
                CASE WHEN rolreplication THEN 'REPLICATION' END) || way FROM plain WHERE rolcreaterole OR rolcreatedb OR rolreplication
            UNION ALL SELECT 4, CASE WHEN d.datdba = m.oid THEN 'it owns the database' ELSE 'it has CREATE on the database' END || way
                FROM pg_catalog.pg_database d, plain m
                WHERE d.datname = current_database() AND (d.datdba = m.oid OR pg_catalog.has_database_privilege(m.oid, d.oid, 'CREATE'))
            UNION ALL SELECT 5, CASE WHEN p.nspowner = m.oid THEN 'it owns schema ' ELSE 'it has CREATE on schema ' END || quote_ident(p.nspname) || way
                FROM places p, plain m WHERE p.nspowner = m.oid OR pg_catalog.has_schema_privilege(m.oid, p.oid, 'CREATE')
            UNION ALL SELECT 6, CASE WHEN c.relowner = m.oid THEN 'it owns ' ELSE 'it has ' || concat_ws(', ',
                    CASE WHEN pg_catalog.has_any_column_privilege(m.oid, c.oid, 'INSERT') THEN 'INSERT' END,
                    CASE WHEN pg_catalog.has_any_column_privilege(m.oid, c.oid, 'UPDATE') THEN 'UPDATE' END,
                    CASE WHEN pg_catalog.has_table_privilege(m.oid, c.oid, 'DELETE') THEN 'DELETE' END,
                    CASE WHEN pg_catalog.has_table_privilege(m.oid, c.oid, 'TRUNCATE') THEN 'TRUNCATE' END,
                    CASE WHEN pg_catalog.has_table_privilege(m.oid, c.oid, 'TRIGGER') THEN 'TRIGGER' END) || ' on '
                END || quote_ident(p.nspname) || '.' || quote_ident(c.relname) || way
                FROM pg_catalog.pg_class c JOIN places p ON p.oid = c.relnamespace, plain m
                WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND (c.relowner = m.oid OR pg_catalog.has_any_column_privilege(m.oid, c.oid, 'INSERT, UPDATE')
                    OR pg_catalog.has_table_privilege(m.oid, c.oid, 'DELETE, TRUNCATE, TRIGGER'))
            UNION ALL SELECT 7, CASE WHEN c.relowner = m.oid THEN 'it owns sequence ' ELSE 'it has USAGE or UPDATE on sequence ' END
                || quote_ident(p.nspname) || '.' || quote_ident(c.relname) || way
                FROM pg_catalog.pg_class c JOIN places p ON p.oid = c.relnamespace, plain m
                WHERE c.relkind = 'S' AND (c.relowner = m.oid OR pg_catalog.has_sequence_privilege(m.oid, c.oid, 'USAGE, UPDATE')))
        SELECT words, count(*) OVER () FROM found ORDER BY rank, words LIMIT 5
        """;

    static readonly TimeSpan KnownFor = TimeSpan.FromMinutes(1);
    static readonly TimeSpan RefusedFor = TimeSpan.FromSeconds(5);

    readonly ConcurrentDictionary<string, (string? Obstacles, long At)> _known = new(StringComparer.Ordinal);

    /// <summary>Refuses a login that was found to be able to write a moment ago.</summary>
    /// <exception cref="ReadOnlyImpossibleException">It can.</exception>
    public void RefuseKnown(string database)
    {
        if (_known.TryGetValue(database, out var known) && known.Obstacles is { } obstacles && time.GetElapsedTime(known.At) < RefusedFor)
            throw Refusal(obstacles);
    }

    /// <summary>Looks at the login, unless that was done within the last minute.</summary>
    /// <exception cref="ReadOnlyImpossibleException">It can write.</exception>
    public async Task CheckAsync(string database, NpgsqlConnection connection, CancellationToken stop)
    {
        if (_known.TryGetValue(database, out var known) && known.Obstacles is null && time.GetElapsedTime(known.At) < KnownFor)
            return;
        var obstacles = await LookAsync(connection, stop);
        _known[database] = (obstacles, time.GetTimestamp());
        if (obstacles is not null)
            throw Refusal(obstacles);
    }

    static async Task<string?> LookAsync(NpgsqlConnection connection, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(Obstacles, connection) { CommandTimeout = 15 };
        await using var reader = await command.ExecuteReaderAsync(stop);
        var words = new List<string>();
        var all = 0L;
        while (await reader.ReadAsync(stop))
        {
            words.Add(reader.GetString(0));
            all = reader.GetInt64(1);
        }
        if (words.Count == 0)
            return null;
        return string.Join("; ", words) + (all > Named ? FormattableString.Invariant($"; and {all - Named} more") : "");
    }

    static ReadOnlyImpossibleException Refusal(string obstacles) => new(
        $"needs a login that can only read, and the configured one can do more: {obstacles}."
        + " Make a login with deploy/sql/postgres-reader.sql and give it to the integrator (connectionString). Nothing ran.");
}

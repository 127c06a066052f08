namespace Halo.Link.Engines.Sqlite;

/// <summary>Reads the catalogue of a SQLite file.</summary>
static class SqliteSchema
{
    /// <summary>As <see cref="Halo.LinkProtocol.Messages.SchemaParts"/> has them.</summary>
    /// <remarks>Of a view that is broken, and of a table whose module is not there, SQLite counts no columns here, where each question for them would be an error.</remarks>
    public static IReadOnlyList<string> Texts { get; } =
    [
        $"SELECT name AS t, NULL AS s, name AS n, type AS k, NULL AS c FROM sqlite_schema WHERE {Own} ORDER BY name",
        $"""
        WITH sound AS MATERIALIZED (SELECT name FROM pragma_table_list WHERE schema = 'main' AND ncol > 0)
        SELECT m.name AS t, p.name AS n, p.type AS y, p."notnull" = 0 AND NOT (p.pk = 1 AND upper(p.type) = 'INTEGER') AS u, p.dflt_value AS d, NULL AS c
        FROM sqlite_schema AS m JOIN sound ON sound.name = m.name JOIN pragma_table_xinfo(m.name) AS p WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\' AND p.hidden <> 1
        ORDER BY m.name, p.cid
        """,
        """
        WITH sound AS MATERIALIZED (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow') AND ncol > 0)
        SELECT t, x, k, n FROM (
            SELECT m.name AS t, NULL AS x, 'p' AS k, p.name AS n, p.pk AS place
            FROM sound AS m JOIN pragma_table_xinfo(m.name) AS p WHERE m.name NOT LIKE 'sqlite\_%' ESCAPE '\' AND p.pk > 0
            UNION ALL
            SELECT m.name, l.name, CASE WHEN l.origin = 'u' THEN 'u' WHEN l."unique" THEN 'j' ELSE 'i' END, COALESCE(i.name, '(expression)'), i.seqno
            FROM sound AS m JOIN pragma_index_list(m.name) AS l JOIN pragma_index_info(l.name) AS i WHERE m.name NOT LIKE 'sqlite\_%' ESCAPE '\' AND l.origin <> 'pk')
        ORDER BY t, k, x, place
        """,
        """
        WITH sound AS MATERIALIZED (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow') AND ncol > 0)
        SELECT m.name AS t, f.id AS x, f."from" AS n, NULL AS s, f."table" AS m, f."to" AS o
        FROM sound AS m JOIN pragma_foreign_key_list(m.name) AS f WHERE m.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY m.name, f.id, f.seq
        """,
        "SELECT NULL AS t, NULL AS s, NULL AS n, NULL AS k, NULL AS y, NULL AS c WHERE 0",
        "SELECT NULL AS t, NULL AS n, NULL AS y, NULL AS k WHERE 0",
    ];

    /// <summary>SQLite counts each change in the file's header.</summary>
    public const string Mark = "PRAGMA schema_version";

    const string Own = @"type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'";
}

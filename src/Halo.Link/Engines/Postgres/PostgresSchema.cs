namespace Halo.Link.Engines.Postgres;

/// <summary>Reads of PostgreSQL's catalogue what the login may see: the catalogue itself shows everybody everything.</summary>
static class PostgresSchema
{
    const string OwnSchema = @"n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp\_%'
            AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')";

    /// <summary>A relation of which the login may do something; partitions are their table's.</summary>
    const string Visible = OwnSchema + @" AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
            AND (pg_catalog.has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, REFERENCES') OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))";

    /// <summary>Each row of the catalogue has the number of the transaction that wrote it; statistics and vacuum leave it as it is. Comments on what is there change no row of these.</summary>
    public const string Mark = """
        WITH n AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg\_toast%' AND nspname NOT LIKE 'pg\_temp\_%'),
            c AS (SELECT r.oid, r.xmin FROM pg_catalog.pg_class AS r JOIN n ON n.oid = r.relnamespace)
        SELECT pg_catalog.concat_ws('/',
            (SELECT pg_catalog.count(*) || ':' || COALESCE(pg_catalog.sum(c.xmin::pg_catalog.text::pg_catalog.int8), 0) FROM c),
            (SELECT pg_catalog.count(*) || ':' || COALESCE(pg_catalog.sum(a.xmin::pg_catalog.text::pg_catalog.int8), 0) FROM pg_catalog.pg_attribute AS a JOIN c ON c.oid = a.attrelid),
            (SELECT pg_catalog.count(*) || ':' || COALESCE(pg_catalog.sum(d.xmin::pg_catalog.text::pg_catalog.int8), 0) FROM pg_catalog.pg_attrdef AS d JOIN c ON c.oid = d.adrelid),
            (SELECT pg_catalog.count(*) || ':' || COALESCE(pg_catalog.sum(k.xmin::pg_catalog.text::pg_catalog.int8), 0) FROM pg_catalog.pg_constraint AS k JOIN n ON n.oid = k.connamespace),
            (SELECT pg_catalog.count(*) || ':' || COALESCE(pg_catalog.sum(p.xmin::pg_catalog.text::pg_catalog.int8), 0) FROM pg_catalog.pg_proc AS p JOIN n ON n.oid = p.pronamespace))
        """;

    const string Relation = "pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace";

    /// <summary>What may be called, without triggers' functions and what belongs to an extension.</summary>
    const string Callable = OwnSchema + @" AND p.prokind IN ('f', 'p') AND p.prorettype NOT IN ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype)
            AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
            AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS e WHERE e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND e.objid = p.oid AND e.deptype = 'e')";

    const string Routine = "pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace";

    /// <summary>As <see cref="Halo.LinkProtocol.Messages.SchemaParts"/> has them.</summary>
    public static IReadOnlyList<string> Texts { get; } =
    [
        $"""
        SELECT c.oid::pg_catalog.int8 AS t, n.nspname AS s, c.relname AS n, CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END AS k, pg_catalog.obj_description(c.oid, 'pg_class') AS c
        FROM {Relation} WHERE {Visible} ORDER BY n.nspname, c.relname
        """,
        $"""
        SELECT a.attrelid::pg_catalog.int8 AS t, a.attname AS n, pg_catalog.format_type(a.atttypid, a.atttypmod) AS y, NOT a.attnotnull AS u,
            pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS d, pg_catalog.col_description(a.attrelid, a.attnum) AS c
        FROM {Relation} JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
            LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attnum > 0 AND NOT a.attisdropped AND {Visible} AND pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT, INSERT, UPDATE, REFERENCES')
        ORDER BY a.attrelid, a.attnum
        """,
        $"""
        SELECT i.indrelid::pg_catalog.int8 AS t, x.relname AS x,
            CASE WHEN i.indisprimary THEN 'p' WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_constraint AS u WHERE u.conindid = i.indexrelid AND u.contype = 'u') THEN 'u' WHEN i.indisunique THEN 'j' ELSE 'i' END AS k,
            COALESCE(a.attname, pg_catalog.pg_get_indexdef(i.indexrelid, k.place, true)) AS n
        FROM {Relation} JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
            CROSS JOIN LATERAL pg_catalog.generate_series(1, i.indnkeyatts::pg_catalog.int4) AS k(place)
            LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.place - 1] AND a.attnum > 0
        WHERE i.indisvalid AND {Visible} AND NOT EXISTS (
            SELECT 1 FROM pg_catalog.generate_series(1, i.indnkeyatts::pg_catalog.int4) AS h(place)
            WHERE NOT CASE WHEN i.indkey[h.place - 1] = 0 THEN pg_catalog.has_table_privilege(i.indrelid, 'SELECT')
                ELSE pg_catalog.has_column_privilege(i.indrelid, i.indkey[h.place - 1], 'SELECT, INSERT, UPDATE, REFERENCES') END)
        ORDER BY i.indrelid, x.relname, k.place
        """,
        $"""
        SELECT f.conrelid::pg_catalog.int8 AS t, f.conname AS x, a.attname AS n, o.nspname AS s, r.relname AS m, b.attname AS o
        FROM {Relation} JOIN pg_catalog.pg_constraint AS f ON f.conrelid = c.oid AND f.contype = 'f' AND f.conparentid = 0
            JOIN pg_catalog.pg_class AS r ON r.oid = f.confrelid JOIN pg_catalog.pg_namespace AS o ON o.oid = r.relnamespace
            CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(f.conkey), pg_catalog.unnest(f.confkey)) WITH ORDINALITY AS k(own, other, place)
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.conrelid AND a.attnum = k.own JOIN pg_catalog.pg_attribute AS b ON b.attrelid = f.confrelid AND b.attnum = k.other
        WHERE {Visible} AND pg_catalog.has_schema_privilege(o.oid, 'USAGE')
            AND NOT EXISTS (SELECT 1 FROM pg_catalog.unnest(f.conkey) AS h(place) WHERE NOT pg_catalog.has_column_privilege(f.conrelid, h.place, 'SELECT, INSERT, UPDATE, REFERENCES'))
            AND NOT EXISTS (SELECT 1 FROM pg_catalog.unnest(f.confkey) AS h(place) WHERE NOT pg_catalog.has_column_privilege(f.confrelid, h.place, 'SELECT, INSERT, UPDATE, REFERENCES'))
        ORDER BY f.conrelid, f.conname, k.place
        """,
        $"""
        SELECT p.oid::pg_catalog.int8 AS t, n.nspname AS s, p.proname AS n, CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END AS k,
            CASE WHEN p.prokind <> 'p' THEN pg_catalog.pg_get_function_result(p.oid) END AS y, pg_catalog.obj_description(p.oid, 'pg_proc') AS c
        FROM {Routine} WHERE {Callable} ORDER BY n.nspname, p.proname, p.oid
        """,
        $"""
        SELECT p.oid::pg_catalog.int8 AS t, COALESCE(p.proargnames[a.place], '') AS n, pg_catalog.format_type(a.type, NULL) AS y,
            CASE COALESCE(p.proargmodes[a.place]::pg_catalog.text, 'i') WHEN 'o' THEN 'o' WHEN 'b' THEN 'b' WHEN 't' THEN 'o' ELSE 'i' END AS k
        FROM {Routine} CROSS JOIN LATERAL pg_catalog.unnest(COALESCE(p.proallargtypes, p.proargtypes::pg_catalog.oid[])) WITH ORDINALITY AS a(type, place)
        WHERE {Callable} ORDER BY p.oid, a.place
        """,
    ];
}

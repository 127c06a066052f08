namespace Halo.Link.Engines.SqlServer;

/// <summary>Reads SQL Server's catalogue views, which show each login what it may see.</summary>
static class SqlServerSchema
{
    /// <summary>The type of <c>c</c> with its size, as it would be declared.</summary>
    const string Type = """
        TYPE_NAME(c.user_type_id) + CASE
                WHEN c.user_type_id <> c.system_type_id THEN ''
                WHEN TYPE_NAME(c.system_type_id) IN ('varchar', 'char', 'varbinary', 'binary') THEN '(' + CASE c.max_length WHEN -1 THEN 'max' ELSE CAST(c.max_length AS varchar(10)) END + ')'
                WHEN TYPE_NAME(c.system_type_id) IN ('nvarchar', 'nchar') THEN '(' + CASE c.max_length WHEN -1 THEN 'max' ELSE CAST(c.max_length / 2 AS varchar(10)) END + ')'
                WHEN TYPE_NAME(c.system_type_id) IN ('decimal', 'numeric') THEN '(' + CAST(c.precision AS varchar(10)) + ',' + CAST(c.scale AS varchar(10)) + ')'
                WHEN TYPE_NAME(c.system_type_id) IN ('datetime2', 'datetimeoffset', 'time') THEN '(' + CAST(c.scale AS varchar(10)) + ')'
                ELSE '' END
        """;

    /// <summary>SQL Server keeps for each object when it was changed last, by its indexes too.</summary>
    public const string Mark = """
        SELECT CONVERT(varchar(20), COUNT_BIG(*)) + '/' + COALESCE(CONVERT(varchar(30), MAX(modify_date), 126), '') + '/' + COALESCE(CONVERT(varchar(20), CHECKSUM_AGG(CHECKSUM(object_id, modify_date))), '')
        FROM sys.objects WHERE is_ms_shipped = 0
        """;

    const string Comment = "CAST((SELECT TOP (1) e.value FROM sys.extended_properties AS e WHERE e.class = 1 AND e.major_id = o.object_id AND e.minor_id = {0} AND e.name = 'MS_Description') AS nvarchar(4000)) AS c";

    static readonly string OfObject = Comment.Replace("{0}", "0", StringComparison.Ordinal), OfColumn = Comment.Replace("{0}", "c.column_id", StringComparison.Ordinal);

    /// <summary>As <see cref="Halo.LinkProtocol.Messages.SchemaParts"/> has them.</summary>
    public static IReadOnlyList<string> Texts { get; } =
    [
        $"""
        SELECT o.object_id AS t, SCHEMA_NAME(o.schema_id) AS s, o.name AS n, CASE RTRIM(o.type) WHEN 'V' THEN 'view' ELSE 'table' END AS k, {OfObject}
        FROM sys.objects AS o WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 ORDER BY 2, 3
        """,
        $"""
        SELECT c.object_id AS t, c.name AS n, {Type} AS y, c.is_nullable AS u, d.definition AS d, {OfColumn}
        FROM sys.columns AS c JOIN sys.objects AS o ON o.object_id = c.object_id LEFT JOIN sys.default_constraints AS d ON d.object_id = c.default_object_id
        WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 ORDER BY c.object_id, c.column_id
        """,
        """
        SELECT i.object_id AS t, i.name AS x, CASE WHEN i.is_primary_key = 1 THEN 'p' WHEN i.is_unique_constraint = 1 THEN 'u' WHEN i.is_unique = 1 THEN 'j' ELSE 'i' END AS k, COL_NAME(k.object_id, k.column_id) AS n
        FROM sys.indexes AS i JOIN sys.objects AS o ON o.object_id = i.object_id JOIN sys.index_columns AS k ON k.object_id = i.object_id AND k.index_id = i.index_id
        WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND i.type > 0 AND i.is_disabled = 0 AND k.key_ordinal > 0 ORDER BY i.object_id, i.index_id, k.key_ordinal
        """,
        """
        SELECT f.parent_object_id AS t, f.name AS x, COL_NAME(k.parent_object_id, k.parent_column_id) AS n, OBJECT_SCHEMA_NAME(f.referenced_object_id) AS s, OBJECT_NAME(f.referenced_object_id) AS m,
            COL_NAME(k.referenced_object_id, k.referenced_column_id) AS o
        FROM sys.foreign_keys AS f JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id
        WHERE f.is_ms_shipped = 0 AND OBJECT_NAME(f.referenced_object_id) IS NOT NULL ORDER BY f.parent_object_id, f.object_id, k.constraint_column_id
        """,
        $"""
        SELECT o.object_id AS t, SCHEMA_NAME(o.schema_id) AS s, o.name AS n, CASE RTRIM(o.type) WHEN 'P' THEN 'procedure' ELSE 'function' END AS k,
            CASE WHEN o.type IN ('IF', 'TF') THEN 'table' ELSE (SELECT {Type} FROM sys.parameters AS c WHERE c.object_id = o.object_id AND c.parameter_id = 0) END AS y, {OfObject}
        FROM sys.objects AS o WHERE o.type IN ('P', 'FN', 'IF', 'TF') AND o.is_ms_shipped = 0 ORDER BY 2, 3
        """,
        $"""
        SELECT c.object_id AS t, c.name AS n, {Type} AS y, CASE c.is_output WHEN 1 THEN 'b' ELSE 'i' END AS k
        FROM sys.parameters AS c JOIN sys.objects AS o ON o.object_id = c.object_id
        WHERE o.type IN ('P', 'FN', 'IF', 'TF') AND o.is_ms_shipped = 0 AND c.parameter_id > 0 ORDER BY c.object_id, c.parameter_id
        """,
    ];
}

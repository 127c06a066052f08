using System.Data;
using System.Data.Common;
using System.Globalization;

namespace Halo.Data.Schema;

/// <summary>What <c>GetSchema</c> tells of the provider. Of a practice's tables nothing: they are asked for in the words of its database.</summary>
static class SchemaCollections
{
    static readonly (string Name, Func<string, DataTable> Make)[] All =
    [
        (DbMetaDataCollectionNames.MetaDataCollections, _ => Collections()),
        (DbMetaDataCollectionNames.DataSourceInformation, DataSourceInformation),
        (DbMetaDataCollectionNames.DataTypes, _ => DataTypesTable.Make()),
        (DbMetaDataCollectionNames.Restrictions, _ => Restrictions()),
        (DbMetaDataCollectionNames.ReservedWords, _ => ReservedWords()),
    ];

    /// <summary>Reserved in standard SQL and in the databases that Halo serves; quote what is called so.</summary>
    static readonly string[] Words =
    [
        "ALL", "ALTER", "AND", "ANY", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "CHECK", "COLLATE", "COLUMN", "CONSTRAINT", "CREATE", "CROSS", "CURRENT_DATE", "CURRENT_TIME",
        "CURRENT_TIMESTAMP", "DEFAULT", "DELETE", "DESC", "DISTINCT", "DROP", "ELSE", "END", "ESCAPE", "EXCEPT", "EXISTS", "FALSE", "FOR", "FOREIGN", "FROM", "FULL", "GRANT", "GROUP",
        "HAVING", "IN", "INNER", "INSERT", "INTERSECT", "INTO", "IS", "JOIN", "LEFT", "LIKE", "LIMIT", "NATURAL", "NOT", "NULL", "OFFSET", "ON", "OR", "ORDER", "OUTER", "PRIMARY",
        "REFERENCES", "RIGHT", "SELECT", "SET", "SOME", "TABLE", "THEN", "TO", "TOP", "TRUE", "UNION", "UNIQUE", "UPDATE", "USER", "USING", "VALUES", "VIEW", "WHEN", "WHERE", "WITH",
    ];

    /// <param name="version">What the connection says of the server.</param>
    /// <exception cref="ArgumentException">There is no such collection, or it has no restrictions.</exception>
    public static DataTable Get(string name, string?[]? restrictions, string version)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var found = Array.Find(All, c => c.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        if (found.Name is null)
            throw new ArgumentException($"There is no collection {name}. The collections are {string.Join(", ", All.Select(c => c.Name))}; tables and columns are asked for in the words of the practice's database.", nameof(name));
        if (restrictions is { Length: > 0 })
            throw new ArgumentException($"The collection {found.Name} has no restrictions, and {restrictions.Length} were given.", nameof(restrictions));
        return found.Make(version);
    }

    public static DataTable Table(string name, params (string Name, Type Type)[] columns)
    {
        var table = new DataTable(name) { Locale = CultureInfo.InvariantCulture };
        foreach (var (column, type) in columns)
            table.Columns.Add(new DataColumn(column, type));
        return table;
    }

    static DataTable Collections()
    {
        var table = Table(DbMetaDataCollectionNames.MetaDataCollections,
            (DbMetaDataColumnNames.CollectionName, typeof(string)), (DbMetaDataColumnNames.NumberOfRestrictions, typeof(int)), (DbMetaDataColumnNames.NumberOfIdentifierParts, typeof(int)));
        foreach (var (name, _) in All)
            table.Rows.Add(name, 0, 0);
        return table;
    }

    static DataTable DataSourceInformation(string version)
    {
        var table = Table(DbMetaDataCollectionNames.DataSourceInformation,
            (DbMetaDataColumnNames.CompositeIdentifierSeparatorPattern, typeof(string)), (DbMetaDataColumnNames.DataSourceProductName, typeof(string)),
            (DbMetaDataColumnNames.DataSourceProductVersion, typeof(string)), (DbMetaDataColumnNames.DataSourceProductVersionNormalized, typeof(string)),
            (DbMetaDataColumnNames.GroupByBehavior, typeof(GroupByBehavior)), (DbMetaDataColumnNames.IdentifierPattern, typeof(string)), (DbMetaDataColumnNames.IdentifierCase, typeof(IdentifierCase)),
            (DbMetaDataColumnNames.OrderByColumnsInSelect, typeof(bool)), (DbMetaDataColumnNames.ParameterMarkerFormat, typeof(string)), (DbMetaDataColumnNames.ParameterMarkerPattern, typeof(string)),
            (DbMetaDataColumnNames.ParameterNameMaxLength, typeof(int)), (DbMetaDataColumnNames.ParameterNamePattern, typeof(string)), (DbMetaDataColumnNames.QuotedIdentifierPattern, typeof(string)),
            (DbMetaDataColumnNames.QuotedIdentifierCase, typeof(IdentifierCase)), (DbMetaDataColumnNames.StatementSeparatorPattern, typeof(string)),
            (DbMetaDataColumnNames.StringLiteralPattern, typeof(string)), (DbMetaDataColumnNames.SupportedJoinOperators, typeof(SupportedJoinOperators)));
        table.Rows.Add("\\.", "Halo", version, version, GroupByBehavior.Unrelated, @"(^\[\p{Lo}\p{Lu}\p{Ll}_@#][\p{Lo}\p{Lu}\p{Ll}\p{Nd}@$#_]*$)", IdentifierCase.Insensitive,
            false, "{0}", @"@[\p{Lo}\p{Lu}\p{Ll}\p{Lm}_@#][\p{Lo}\p{Lu}\p{Ll}\p{Lm}\p{Nd}_@#$]*(?=\s+|$)", 512, @"^[\p{Lo}\p{Lu}\p{Ll}\p{Lm}_@#][\p{Lo}\p{Lu}\p{Ll}\p{Lm}\p{Nd}_@#$]*(?=\s+|$)",
            "\"(([^\"]|\"\")*)\"", IdentifierCase.Sensitive, ";", "'(([^']|'')*)'",
            SupportedJoinOperators.Inner | SupportedJoinOperators.LeftOuter | SupportedJoinOperators.RightOuter | SupportedJoinOperators.FullOuter);
        return table;
    }

    static DataTable Restrictions() => Table(DbMetaDataCollectionNames.Restrictions,
        (DbMetaDataColumnNames.CollectionName, typeof(string)), ("RestrictionName", typeof(string)), ("RestrictionDefault", typeof(string)), ("RestrictionNumber", typeof(int)));

    static DataTable ReservedWords()
    {
        var table = Table(DbMetaDataCollectionNames.ReservedWords, (DbMetaDataColumnNames.ReservedWord, typeof(string)));
        foreach (var word in Words)
            table.Rows.Add(word);
        return table;
    }
}

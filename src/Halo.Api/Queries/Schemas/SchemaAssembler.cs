using System.Security.Cryptography;
using System.Text.Json;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Queries.Schemas;

/// <summary>Makes a schema of the rows in which a Link tells it. Nothing that a Link says is relied on: rows of a table that is not there count for nothing.</summary>
sealed class SchemaAssembler
{
    readonly List<SchemaRow>[] _parts;

    SchemaAssembler(List<SchemaRow>[] parts) => _parts = parts;

    /// <param name="parts">JSON of each of <see cref="SchemaParts"/>.</param>
    /// <exception cref="JsonException">The rows are not those of a catalogue.</exception>
    public static DatabaseSchema Assemble(string catalogue, DateTimeOffset readAt, IReadOnlyList<ReadOnlyMemory<byte>> parts)
    {
        if (parts.Count != SchemaParts.Count)
            throw new JsonException("A catalogue has other parts.");
        var assembler = new SchemaAssembler(Read(parts));
        var schema = new DatabaseSchema(catalogue, DateTimeOffset.FromUnixTimeMilliseconds(readAt.ToUnixTimeMilliseconds()), "", assembler.Tables(), assembler.Routines());
        // Of what is shown, so that it is another one exactly where something else is shown.
        var content = JsonSerializer.SerializeToUtf8Bytes(schema with { ReadAt = default, Catalogue = "" }, HaloJson.Default.DatabaseSchema);
        return schema with { Hash = Convert.ToHexStringLower(SHA256.HashData(content)) };
    }

    static List<SchemaRow>[] Read(IReadOnlyList<ReadOnlyMemory<byte>> parts)
    {
        var left = SchemaRow.Most;
        var read = new List<SchemaRow>[SchemaParts.Count];
        ReadBoth(SchemaParts.Tables, SchemaParts.Columns, SchemaParts.Keys, SchemaParts.ForeignKeys);
        ReadBoth(SchemaParts.Routines, SchemaParts.Parameters);
        return read;

        void ReadBoth(int owners, params ReadOnlySpan<int> owned)
        {
            read[owners] = SchemaRow.ReadAll(parts[owners].Span, null, ref left);
            var there = read[owners].Select(r => r.Needed('t')).ToHashSet();
            // One may have come between two of the Link's questions.
            foreach (var part in owned)
                read[part] = SchemaRow.ReadAll(parts[part].Span, there, ref left);
        }
    }

    List<SchemaTable> Tables()
    {
        var (columns, keys, foreign) = (By(SchemaParts.Columns), By(SchemaParts.Keys), By(SchemaParts.ForeignKeys));
        return
        [
            .. _parts[SchemaParts.Tables].DistinctBy(r => r.Needed('t'))
                .Select(r => TableOf(r, columns[r.Needed('t')], keys[r.Needed('t')], foreign[r.Needed('t')]))
                .OrderBy(t => t.Schema, StringComparer.Ordinal).ThenBy(t => t.Name, StringComparer.Ordinal),
        ];
    }

    static SchemaTable TableOf(SchemaRow row, IEnumerable<SchemaRow> columns, IEnumerable<SchemaRow> keys, IEnumerable<SchemaRow> foreign)
    {
        var grouped = keys.GroupBy(k => (Kind: k['k'], Name: k['x'])).OrderBy(g => g.Key.Name, StringComparer.Ordinal).ToList();
        var unique = grouped.Where(g => g.Key.Kind == "u").Select(KeyOf).ToList();
        var indexes = grouped.Where(g => g.Key.Kind is "i" or "j").Select(g => new SchemaIndex(g.Key.Name, ColumnsOf(g), g.Key.Kind == "j")).ToList();
        var references = foreign.GroupBy(f => f.Needed('x')).OrderBy(g => g.Key, StringComparer.Ordinal).Select(ReferenceOf).ToList();
        return new(row['s'], row.Needed('n'), row['k'] == "view" ? SchemaTableKind.View : SchemaTableKind.Table, [.. columns.Select(ColumnOf)])
        {
            Comment = row['c'],
            PrimaryKey = grouped.Where(g => g.Key.Kind == "p").Select(KeyOf).FirstOrDefault(),
            UniqueKeys = unique.Count > 0 ? unique : null,
            Indexes = indexes.Count > 0 ? indexes : null,
            ForeignKeys = references.Count > 0 ? references : null,
        };
    }

    static SchemaColumn ColumnOf(SchemaRow row) => new(row.Needed('n'), row['y'] ?? "", row.Is('u')) { Default = row['d'], Comment = row['c'] };

    static SchemaKey KeyOf(IGrouping<(string? Kind, string? Name), SchemaRow> rows) => new(rows.Key.Name, ColumnsOf(rows));

    static SchemaForeignKey ReferenceOf(IGrouping<string, SchemaRow> rows)
    {
        var first = rows.First();
        var others = rows.Select(r => r['o']).OfType<string>().ToList();
        return new(first.IsNumbered ? null : rows.Key, ColumnsOf(rows), first['s'], first.Needed('m'), others.Count == rows.Count() ? others : null);
    }

    static List<string> ColumnsOf(IEnumerable<SchemaRow> rows) => [.. rows.Select(r => r.Needed('n'))];

    List<SchemaRoutine> Routines()
    {
        var parameters = By(SchemaParts.Parameters);
        return
        [
            .. _parts[SchemaParts.Routines].DistinctBy(r => r.Needed('t'))
                .Select(r => new SchemaRoutine(r['s'], r.Needed('n'), r['k'] == "procedure" ? SchemaRoutineKind.Procedure : SchemaRoutineKind.Function, [.. parameters[r.Needed('t')].Select(ParameterOf)])
                {
                    Returns = r['y'],
                    Comment = r['c'],
                })
                .OrderBy(r => r.Schema, StringComparer.Ordinal).ThenBy(r => r.Name, StringComparer.Ordinal)
                // Of one name, in an order that does not depend on the database's numbers.
                .ThenBy(r => string.Join(',', r.Parameters.Select(p => p.DatabaseType)), StringComparer.Ordinal),
        ];
    }

    static SchemaParameter ParameterOf(SchemaRow row) => new(row['n'] ?? "", row['k'] switch
    {
        "o" => ParameterDirection.Output,
        "b" => ParameterDirection.InputOutput,
        _ => ParameterDirection.Input,
    }, row['y'] ?? "");

    ILookup<string, SchemaRow> By(int part) => _parts[part].ToLookup(r => r.Needed('t'));
}

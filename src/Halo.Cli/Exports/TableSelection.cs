using System.Security.Cryptography;
using System.Text;
using Halo.Cli.Output;
using Halo.Contracts.Sites;

namespace Halo.Cli.Exports;

/// <summary>Which tables are exported, and into which files.</summary>
static class TableSelection
{
    /// <summary>Taken by the name alone on Windows, whatever stands behind the point.</summary>
    static readonly HashSet<string> Devices = new(
        ["con", "prn", "aux", "nul", .. Enumerable.Range(1, 9).SelectMany(n => (string[])[$"com{n}", $"lpt{n}"])], StringComparer.OrdinalIgnoreCase);

    /// <summary>Of a file name without its extension, as UTF-8.</summary>
    const int MostBytes = 200;

    /// <summary>All tables; views only where they are named.</summary>
    public static List<SchemaTable> All(DatabaseSchema schema, IEnumerable<string> except)
    {
        var left = except.Select(name => Find(schema, name)).ToHashSet(ReferenceEqualityComparer.Instance);
        return [.. schema.Tables.Where(t => t.Kind == SchemaTableKind.Table && !left.Contains(t))];
    }

    /// <summary>A table or view as the user writes it: <c>patients</c>, or <c>public.patients</c>. What is written exactly as the database has it wins over case.</summary>
    public static SchemaTable Find(DatabaseSchema schema, string name)
    {
        foreach (var comparison in (StringComparison[])[StringComparison.Ordinal, StringComparison.OrdinalIgnoreCase])
        {
            var found = schema.Tables.Where(t => NameOf(t).Equals(name, comparison) || t.Name.Equals(name, comparison)).ToList();
            if (found.Count > 1)
                found = found.Where(t => NameOf(t).Equals(name, comparison)).ToList() is [var one] ? [one] : found;
            if (found.Count == 1)
                return found[0];
            if (found.Count > 1)
                throw new UsageException($"{name} is ambiguous. There are {string.Join(", ", found.Select(NameOf))}.");
        }
        throw new NotFoundException($"There is no table {name} that you may see. halo shell shows all: \\d");
    }

    public static string NameOf(SchemaTable table) => table.Schema is null ? table.Name : $"{table.Schema}.{table.Name}";

    /// <summary>One file for each.</summary>
    public static List<ExportFile> Files(IEnumerable<SchemaTable> tables, ExportForm form, Func<string> key)
    {
        // Some systems do not tell names apart by case.
        var taken = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        return [.. tables.Select(t => new ExportFile(NameOf(t), Free(FileNameOf(NameOf(t))), key()) { Schema = t.Schema, Table = t.Name })];

        string Free(string name)
        {
            name = Shortened(name);
            for (var n = 1; ; n++)
            {
                var file = $"{name}{(n == 1 ? "" : $"~{n}")}.{Extension(form)}";
                if (taken.Add(file))
                    return file;
            }
        }
    }

    /// <summary>All rows of a table, in the quotes that every engine knows.</summary>
    public static string Sql(string? schema, string table) => $"SELECT * FROM {(schema is null ? "" : Quoted(schema) + ".")}{Quoted(table)}";

    public static string Extension(ExportForm form) => form.ToString().ToLowerInvariant();

    /// <summary>A name that every file system takes; what it does not take is written as in addresses: <c>%2F</c>.</summary>
    public static string FileNameOf(string name)
    {
        var made = new StringBuilder();
        for (var i = 0; i < name.Length; i++)
        {
            var c = name[i];
            var isStrange = Printable.IsControl(c) || "\"*/:<>?\\|%".Contains(c, StringComparison.Ordinal) || i == 0 && c == '.' || i == name.Length - 1 && c is '.' or ' ';
            made.Append(isStrange ? $"%{(int)c:X2}" : c);
        }
        var first = made.ToString().Split('.')[0];
        return Devices.Contains(first) ? $"%{(int)first[0]:X2}{made.ToString()[1..]}" : made.ToString();
    }

    /// <summary>File systems have 255 bytes for a name. A longer one ends with a digest of the whole, so that two stay apart.</summary>
    static string Shortened(string name)
    {
        if (Encoding.UTF8.GetByteCount(name) <= MostBytes)
            return name;
        var digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..12];
        var kept = new StringBuilder();
        var bytes = digest.Length + 1;
        foreach (var rune in name.EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > MostBytes)
                break;
            kept.Append(rune);
        }
        return $"{kept}~{digest}";
    }

    static string Quoted(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}

using System.Data.Common;
using System.Globalization;
using System.Reflection;
using Halo.Api.Basics;

namespace Halo.Api.Storage;

/// <summary>The numbered scripts <c>Storage/Schema/NNNN_name.sql</c>, applied once each, in order, in one transaction.</summary>
static class Migrations
{
    /// <summary>Applies what is missing. The caller's transaction keeps other processes out.</summary>
    public static async Task<int> ApplyAsync(DbTransaction transaction, SchemaWords words, TimeProvider time)
    {
        await transaction.RunAsync(
            "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)");
        var applied = (await transaction.ReadAsync(r => r.GetInt32(0), "SELECT COALESCE(MAX(version), 0) FROM schema_version"))[0];
        var scripts = Scripts();
        if (applied > scripts[^1].Version)
        {
            throw new StartupException(
                $"The store has schema version {applied}, made by a newer Halo API; this one knows versions up to {scripts[^1].Version}. "
                + "Start the newer program, or restore the backup made before the upgrade.");
        }
        foreach (var script in scripts.Where(s => s.Version > applied))
        {
            await transaction.RunAsync(words.PutInto(script.Sql));
            await transaction.RunAsync("INSERT INTO schema_version (version, name, applied_at) VALUES (@version, @name, @now)",
                ("version", script.Version), ("name", script.Name), ("now", time.GetUtcNow().Ms()));
        }
        return scripts[^1].Version;
    }

    static List<Script> Scripts()
    {
        const string Marker = ".Storage.Schema.";
        var assembly = Assembly.GetExecutingAssembly();
        return
        [
            .. assembly.GetManifestResourceNames()
                .Where(n => n.Contains(Marker, StringComparison.Ordinal))
                .Select(n => Read(assembly, n, n[(n.IndexOf(Marker, StringComparison.Ordinal) + Marker.Length)..]))
                .OrderBy(s => s.Version),
        ];
    }

    static Script Read(Assembly assembly, string resource, string name)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
        return new(int.Parse(name.AsSpan(0, 4), CultureInfo.InvariantCulture), Path.GetFileNameWithoutExtension(name), reader.ReadToEnd());
    }

    sealed record Script(int Version, string Name, string Sql);
}

/// <summary>The words of the schema that differ from one database to the other.</summary>
/// <param name="Uuid">An id. SQLite's driver writes ids as upper-case text; people paste them in lower case.</param>
/// <param name="Blob">Bytes.</param>
/// <param name="Json">JSON that is only stored and read whole.</param>
sealed record SchemaWords(string Uuid, string Blob, string Json)
{
    public static SchemaWords Sqlite { get; } = new("TEXT COLLATE NOCASE", "BLOB", "TEXT");

    public static SchemaWords Postgres { get; } = new("uuid", "bytea", "text");

    public string PutInto(string script) => script
        .Replace("{uuid}", Uuid, StringComparison.Ordinal)
        .Replace("{blob}", Blob, StringComparison.Ordinal)
        .Replace("{json}", Json, StringComparison.Ordinal);
}

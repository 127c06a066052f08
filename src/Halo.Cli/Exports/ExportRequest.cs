using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Halo.Client;
using Halo.Client.Commands;
using Halo.Contracts.Queries;

namespace Halo.Cli.Exports;

/// <summary>What is to be exported, and where to.</summary>
/// <param name="Form">How rows are written.</param>
/// <param name="Directory">Where the files are to be.</param>
/// <param name="File">The one file's name in it; null: each table has its own.</param>
sealed record ExportRequest(ExportForm Form, string Directory, string? File)
{
    /// <summary>SQL of the user's own; null: tables, or a query that ran before.</summary>
    public HaloCommand? Command { get; init; }

    /// <summary>A query that ran before.</summary>
    public Guid? Query { get; init; }

    /// <summary>Tables by name.</summary>
    public IReadOnlyList<string> Tables { get; init; } = [];

    public bool AllTables { get; init; }

    /// <summary>Of all tables those that are left out.</summary>
    public IReadOnlyList<string> Except { get; init; } = [];

    /// <summary>Whether CSV has texts that a spreadsheet would take for formulas behind an apostrophe.</summary>
    public bool EscapesFormulas { get; init; }

    /// <summary>Columns that Parquet has as text.</summary>
    public IReadOnlySet<string> AsText { get; init; } = new HashSet<string>();

    public HaloQueryOptions Options { get; init; } = new();

    /// <summary>Whether files that are there are replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Whether what an interrupted export left is thrown away.</summary>
    public bool Restart { get; init; }

    /// <summary>Where pages are kept until all files are whole.</summary>
    public string WorkDirectory => Path.Combine(Directory, File is null ? ".halo-export" : $".{File}.halo-export");

    /// <summary>Whether it does no harm to run it once more: tables alone. SQL that reads may call a function that writes.</summary>
    public bool IsRepeatable => Command is null && Query is null && Options.IdempotencyKey is null;

    /// <summary>Says whether an interrupted export is this one. SQL may hold names of patients, so it is a digest.</summary>
    public string Digest(Uri address, Guid site)
    {
        var asked = Command?.Command;
        List<string> parts =
        [
            address.AbsoluteUri, site.ToString(), Form.ToString(), Options.Catalogue ?? "", Options.IdempotencyKey ?? "", EscapesFormulas ? "escape" : "", Query?.ToString() ?? "", AllTables ? "all" : "", asked?.Text ?? "",
            .. (asked?.Parameters ?? []).SelectMany(p => (string[])[p.Name, p.Type?.ToString() ?? "", JsonSerializer.Serialize(p.Value, ExportJson.Default.String)]),
            "tables", .. Tables, "except", .. Except,
        ];
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(parts, ExportJson.Default.ListString))));
    }
}

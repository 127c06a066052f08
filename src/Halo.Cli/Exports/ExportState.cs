using System.Text.Json.Serialization;

namespace Halo.Cli.Exports;

/// <summary>Where an export stands. Nothing of the rows is in it, and of SQL only a digest.</summary>
/// <param name="Version">Of this form.</param>
/// <param name="Export">Digest of what was asked for: another command does not go on with it.</param>
/// <param name="Began">When its first run began: what it wrote is as old as that.</param>
/// <param name="Files">In the order in which they are written.</param>
sealed record ExportState(int Version, string Export, DateTimeOffset Began, List<ExportFile> Files)
{
    public const int CurrentVersion = 1;
}

/// <summary>One file of an export, and the query that gives its rows.</summary>
/// <param name="Name">The table as the user knows it; of SQL the name of the file.</param>
/// <param name="File">Its name in the target directory.</param>
/// <param name="Key">The idempotency key of its query: one that was sent before its id was saved is found again by it.</param>
sealed record ExportFile(string Name, string File, string Key)
{
    /// <summary>The table's schema; null where the database has none.</summary>
    public string? Schema { get; init; }

    /// <summary>The table; null: the SQL is the user's.</summary>
    public string? Table { get; init; }

    /// <summary>The query, once it was queued.</summary>
    public Guid? Query { get; init; }

    /// <summary>Rows and bytes of the file, once it is whole; it is renamed then.</summary>
    public long? Rows { get; init; }

    public long? Bytes { get; init; }
}

/// <summary>What <c>--json</c> writes.</summary>
/// <param name="Began">When it began; earlier than this run of the program where that went on with it.</param>
/// <param name="Error">Why it stopped before its end; null: it did not.</param>
sealed record ExportSummary(Guid Site, ExportForm Format, DateTimeOffset Began, IReadOnlyList<ExportedFile> Files, long Rows, long Bytes, string? Error);

/// <param name="Error">Why it was not written; null: it was.</param>
sealed record ExportedFile(string Name, string File, Guid? Query, long? Rows, long? Bytes, string? Error);

[JsonSourceGenerationOptions(System.Text.Json.JsonSerializerDefaults.Web, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ExportState))]
[JsonSerializable(typeof(ExportSummary))]
[JsonSerializable(typeof(List<string>))]
sealed partial class ExportJson : JsonSerializerContext;

using System.Text.Json.Serialization;
using Halo.Contracts.Json;

namespace Halo.Cli.Exports;

/// <summary>How the rows of an export are written.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<ExportForm>))]
enum ExportForm
{
    Csv,
    Ndjson,
    Parquet,
}

/// <summary>What is done with texts in CSV that a spreadsheet would take for formulas.</summary>
enum CsvFormulas
{
    Keep,
    Escape,
}

/// <summary>A file here could not be written, or a value has no place in the format.</summary>
sealed class LocalFileException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>Some of several tables could not be exported; what was wrong with each has been said.</summary>
sealed class ExportIncompleteException(string message, int exitCode) : Exception(message)
{
    public int ExitCode => exitCode;
}

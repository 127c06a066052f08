using System.Text.Json;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Results.Formats;

/// <summary>The forms in which rows are written by themselves.</summary>
enum RowForm
{
    /// <summary>One JSON array of row objects.</summary>
    Array,

    /// <summary>NDJSON: a row object to a line.</summary>
    Lines,

    /// <summary>CSV by RFC 4180.</summary>
    Csv,

    /// <summary>CSV whose texts no spreadsheet takes for formulas.</summary>
    CsvWithoutFormulas,

    /// <summary>One JSON array: the array of the columns, then the row objects.</summary>
    Table,
}

/// <summary>The forms' media types and writers.</summary>
static class RowForms
{
    /// <summary>Media types of the forms; the contract's own is JSON.</summary>
    public const string ArrayType = "application/vnd.halo.rows+json", TableType = "application/vnd.halo.table+json", LinesType = "application/x-ndjson", CsvType = "text/csv", JsonType = "application/json";

    /// <summary>For the descriptions of routes.</summary>
    public const string IntegersNote = "Halo-Integers: string writes 64-bit integers (columns of type BigInt) as strings.";

    /// <summary>What the answer's <c>Content-Type</c> says.</summary>
    public static string ContentType(this RowForm form) => form switch
    {
        RowForm.Lines => LinesType,
        RowForm.Csv or RowForm.CsvWithoutFormulas => CsvType + "; charset=utf-8; header=present",
        RowForm.Table => TableType,
        _ => ArrayType,
    };

    /// <summary>Whether a result has any 64-bit integers, which may be wanted as strings.</summary>
    public static bool HasLargeIntegers(IReadOnlyList<ResultColumn>? columns) => columns?.Any(c => c.Type == SqlType.BigInt) == true;

    /// <summary>A transcoder into a form.</summary>
    /// <param name="columns">The result's columns.</param>
    /// <param name="integersAsText">Whether 64-bit integers are written as strings.</param>
    public static IRowTranscoder To(this RowForm form, IReadOnlyList<ResultColumn> columns, bool integersAsText)
    {
        if (form is RowForm.Csv or RowForm.CsvWithoutFormulas)
            return new RowTranscoder(new CsvRows([.. columns.Select(c => c.Name)], escapeFormulas: form == RowForm.CsvWithoutFormulas));
        byte[] head = form == RowForm.Table ? JsonSerializer.SerializeToUtf8Bytes(columns, HaloJson.Default.IReadOnlyListResultColumn) : [];
        return integersAsText && HasLargeIntegers(columns)
            ? new RowTranscoder(new JsonRows(form == RowForm.Lines, [.. columns.Select(c => c.Type == SqlType.BigInt)], head))
            : new RowRelay(form == RowForm.Lines, head);
    }
}

using System.Globalization;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Rows;

/// <summary>Refuses a result whose columns the line cannot tell, before its first row.</summary>
static class ColumnBounds
{
    /// <summary>Bytes of JSON of a column with the longest values beside its texts.</summary>
    const int BesideTexts = 200;

    /// <summary>Bytes that a character can take in JSON.</summary>
    const int Escaped = 6;

    /// <exception cref="RowSinkException">There are too many, or their description is too long.</exception>
    public static void Check(IReadOnlyList<ResultColumn> columns)
    {
        if (columns.Count > ProtocolLimits.MaxColumns)
            throw TooLarge($"The result has {columns.Count} columns; at most {ProtocolLimits.MaxColumns} can be told.");
        CheckTogether(columns);
    }

    /// <summary>The columns of all results of a batch, as often as they are told.</summary>
    /// <exception cref="RowSinkException">Their description is too long.</exception>
    public static void CheckTogether(IReadOnlyList<ResultColumn> columns)
    {
        // Measured only where it could be too long: a thousand usual columns are a hundredth of it.
        if (columns.Sum(c => (long)BesideTexts + Escaped * (c.Name.Length + c.DatabaseType.Length)) > ProtocolLimits.MaxColumnsBytes
            && columns.Chunk(ProtocolLimits.MaxColumns).Sum(c => JsonSerializer.SerializeToUtf8Bytes(new ResultHead(c), ProtocolJson.Default.ResultHead).Length) > ProtocolLimits.MaxColumnsBytes)
            throw TooLarge($"The names of the result's columns take more than {ProtocolLimits.MaxColumnsBytes} bytes.");
    }

    static RowSinkException TooLarge(FormattableString words) =>
        new(Failure.Of(FailureCodes.ResultTooLarge, words.ToString(CultureInfo.InvariantCulture) + " The statement was stopped; ask for fewer columns, or give them shorter names."));
}

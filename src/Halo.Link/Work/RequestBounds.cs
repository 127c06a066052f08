using System.Globalization;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work;

/// <summary>What the Link takes from the API for a time, a size or a number. The practice's machine is not at the mercy of whoever rules the API: what is beyond is refused, and nothing runs.</summary>
static class RequestBounds
{
    const int Hour = 3_600_000;
    const int Day = 24 * Hour;
    const int MostCredit = 64 << 20;
    const int MostPageBytes = 64 << 20;

    /// <summary>The first value that is out of its range; null: none is.</summary>
    public static string? FaultOf(Execute asked) =>
        Fault("waitMs", asked.WaitMs, 0, Hour) ?? Fault("limitMs", asked.LimitMs, 1, Day) ?? Fault("maxResultBytes", asked.MaxResultBytes, 1, long.MaxValue)
        ?? Fault("resultSet", asked.ResultSet, 1, int.MaxValue) ?? Fault("credit", asked.Credit, 1, MostCredit) ?? FaultOf(asked.Batch);

    /// <summary>The first value that is out of its range; null: none is.</summary>
    public static string? FaultOf(Claim claim) =>
        Fault("limitMs", claim.LimitMs, 1, Day) ?? Fault("uploadLimitMs", claim.UploadLimitMs, 0, Day) ?? Fault("pageBytes", claim.PageBytes, 1, MostPageBytes)
        ?? Fault("resultSet", claim.ResultSet, 1, int.MaxValue) ?? FaultOf(claim.Batch);

    /// <summary>Nulls count as none: of what is not there nothing can be run.</summary>
    static string? FaultOf(CommandBatch? batch) => batch is null ? null
        : Fault("commands", batch.Commands.Contains(null!) ? 0 : batch.Commands.Count, 1, CommandBatch.MostCommands)
        ?? (batch.Commands is [{ ParameterSets: { } sets }] ? Fault("parameterSets", sets.Contains(null!) ? 0 : sets.Count, 1, CommandBatch.MostParameterSets) : null)
        ?? batch.Commands.Select(c => Fault("timeout", c.Timeout ?? 1, 1, Day)).FirstOrDefault(f => f is not null);

    static string? Fault(string name, long value, long least, long most) => value >= least && value <= most
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"The Halo API asked for {name} {value}, and Halo Link takes {least} to {most}; nothing ran. Tell the operator of the Halo API.");
}

using System.Buffers;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Observability;
using Halo.Link.Sites;
using Halo.Link.Transport;
using Halo.Link.Work.Immediate;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;
using Halo.LinkProtocol.Rows;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Work.Registered;

/// <summary>One run of a registered query: the command on its database, whether its result changed, and what of it is told.</summary>
/// <remarks>Of a practice's places it takes only what nobody else wants: whoever comes for one gets it, and the run is made again later.</remarks>
sealed partial class RegisteredRuns(LocalSites sites, CommandExecutor executor, ImmediateGate gate, ApiTransport api, ILogger<RegisteredRuns> log)
{
    /// <summary>Runs it once and tells the API.</summary>
    /// <param name="lastHash">What the API holds; null: nothing.</param>
    /// <param name="counts">Of the runs before.</param>
    public async Task<RegisteredEnd> RunAsync(RegisteredDefinition query, string? lastHash, RegisteredCounts counts, CancellationToken stop)
    {
        await gate.StandAsideAsync(stop);
        var (target, refused) = sites.Resolve(query);
        var sink = new RegisteredSink(query.MaxResultBytes);
        if (await RunOnceAsync(query, target, refused, sink, stop) is not { } run)
            return new(RegisteredEndKind.GaveWay, counts, lastHash);
        var (result, hash) = run;
        stop.ThrowIfCancellationRequested();
        var report = new RegisteredReport(hash is null ? counts with { Failed = counts.Failed + 1 } : counts with { Succeeded = counts.Succeeded + 1 })
        {
            Hash = hash,
            Error = hash is null ? result.Error ?? Failure.NoReason : null,
            // Of what it found in a result, a practice's rule may say otherwise the next time.
            Forbidden = refused?.Error?.Code == FailureCodes.PolicyRefused,
            Rows = hash is null ? 0 : result.Rows ?? 0,
            Size = hash is null ? 0 : sink.Size,
            Columns = hash is null || hash == lastHash ? null : sink.Columns,
            Timings = result.Timings,
        };
        return await TellAsync(query, report, report.Columns is null ? default : sink.Rows, lastHash, stop);
    }

    /// <returns>How it ended, and the hash of its result where that can be compared; null: somebody else wanted its place.</returns>
    async Task<(ExecutionResult Result, string? Hash)?> RunOnceAsync(
        RegisteredDefinition query, ExecutionTarget? target, ExecutionResult? refused, RegisteredSink sink, CancellationToken stop)
    {
        try
        {
            if ((refused ?? await ExecuteAsync(query, target!, sink, stop)) is not { } result)
                return null;
            return (result, result.Ending != Ending.Successful ? null
                : query.Key is { } key ? KeyedRows.Read(sink.Rows, key).Hash()
                : Convert.ToHexStringLower(SHA256.HashData(sink.Rows.Span)));
        }
        catch (KeyFaultException e)
        {
            return (new(Ending.Failed, Executed.Yes) { Error = Failure.Of(FailureCodes.InvalidParameter, e.Message) }, null);
        }
        catch (Exception e) when (e is not OperationCanceledException || !stop.IsCancellationRequested)
        {
            LogFault(query.Id, FaultText.Of(e));
            return (Endings.Fault(begun: true), null);
        }
    }

    /// <returns>Null: somebody else wanted its place.</returns>
    async Task<ExecutionResult?> ExecuteAsync(RegisteredDefinition query, ExecutionTarget target, RegisteredSink sink, CancellationToken stop)
    {
        // Not disposed of: who wants the place may be about to say so.
        var stopped = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var wanted = false;
        Action giveWay = () =>
        {
            Volatile.Write(ref wanted, true);
            _ = stopped.CancelAsync();
        };
        if (!sites.Places.TryEnter(query.SiteId, query.IntegratorId, target.Rules.MaxConcurrent, giveWay))
            return null;
        try
        {
            var result = await executor.RunAsync(executor.RequestOf(query.Id, query, target), query, target, sink, query.MaxResultBytes, stopped.Token);
            return Volatile.Read(ref wanted) && result.Ending != Ending.Successful ? null : sink.TooLarge ? Endings.TooLarge(result, query.MaxResultBytes) : result;
        }
        finally
        {
            sites.Places.Leave(query.SiteId, query.IntegratorId, giveWay);
        }
    }

    async Task<RegisteredEnd> TellAsync(RegisteredDefinition query, RegisteredReport report, ReadOnlyMemory<byte> rows, string? lastHash, CancellationToken stop)
    {
        try
        {
            var ack = await api.Client.ReportAsync(query.Id, report, rows.IsEmpty ? default : Compress(rows.Span), api.Tokens.GetAsync, stop);
            return new(RegisteredEndKind.Told, report.Counts, ack.LastHash);
        }
        catch (ApiRefusedException e) when (e is { ByApi: true, Status: HttpStatusCode.Gone })
        {
            return new(RegisteredEndKind.Gone, report.Counts, lastHash);
        }
        catch (Exception e) when (e is not OperationCanceledException || !stop.IsCancellationRequested)
        {
            if (e is not (HttpRequestException or ApiRefusedException))
                LogFault(query.Id, FaultText.Of(e));
            // The next run finds the same difference, and tells it; what is counted stays counted.
            return new(RegisteredEndKind.Untold, report.Counts, lastHash);
        }
    }

    static ReadOnlyMemory<byte> Compress(ReadOnlySpan<byte> rows)
    {
        var compressed = new ArrayBufferWriter<byte>(rows.Length / 4 + 1024);
        using var encoder = new BrotliEncoder(quality: 1, window: 22);
        OperationStatus status;
        do
        {
            status = encoder.Compress(rows, compressed.GetSpan(64 * 1024), out var read, out var written, isFinalBlock: true);
            rows = rows[read..];
            compressed.Advance(written);
        }
        while (status == OperationStatus.DestinationTooSmall);
        return compressed.WrittenMemory;
    }

    [LoggerMessage(2131, LogLevel.Error, "Registered query {Id} met a fault of the Link's own: {Fault}")]
    partial void LogFault(Guid id, string fault);
}

/// <summary>How a run ended.</summary>
/// <param name="Counts">With this run, where it counts.</param>
/// <param name="LastHash">What the API holds now.</param>
sealed record RegisteredEnd(RegisteredEndKind Kind, RegisteredCounts Counts, string? LastHash);

/// <summary>What became of a run.</summary>
enum RegisteredEndKind
{
    /// <summary>The API has it.</summary>
    Told,

    /// <summary>The API could not be told; the next run tells it.</summary>
    Untold,

    /// <summary>It did not run, or was stopped: somebody else wanted its place.</summary>
    GaveWay,

    /// <summary>The API does not have it any more.</summary>
    Gone,
}

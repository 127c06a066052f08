using System.Buffers;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Sites;
using Halo.Link.Transport;
using Halo.Link.Work.Immediate;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;
using Halo.LinkProtocol.Rows;

namespace Halo.Link.Work.Registered;

/// <summary>One run of a registered query: the command on its database, whether its result changed, and what of it is told.</summary>
/// <remarks>Of a practice's places it takes only what nobody else wants: whoever comes for one gets it, and the run is made again later.</remarks>
sealed class RegisteredRuns(LocalSites sites, CommandExecutor executor, ImmediateGate gate, ApiTransport api)
{
    /// <summary>Runs it once and tells the API.</summary>
    /// <param name="lastHash">What the API holds; null: nothing.</param>
    /// <param name="counts">Of the runs before.</param>
    public async Task<RegisteredEnd> RunAsync(RegisteredDefinition query, string? lastHash, RegisteredCounts counts, CancellationToken stop)
    {
        await gate.StandAsideAsync(stop);
        var (target, refused) = sites.Resolve(query);
        using var sink = new RegisteredSink(query.MaxResultBytes);
        ExecutionResult result;
        if (refused is not null)
            result = refused;
        else if (await ExecuteAsync(query, target!, sink, stop) is { } ran)
            result = ran;
        else
            return new(RegisteredEndKind.GaveWay, counts, lastHash);
        stop.ThrowIfCancellationRequested();
        var (report, changed) = Report(query, result, sink, lastHash, counts);
        return await TellAsync(query, report, changed ? sink.Rows : default, counts, lastHash, stop);
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

    static (RegisteredReport Report, bool Changed) Report(RegisteredDefinition query, ExecutionResult result, RegisteredSink sink, string? lastHash, RegisteredCounts counts)
    {
        var error = result.Error;
        string? hash = null;
        if (result.Ending == Ending.Successful)
            (hash, error) = HashOf(query, sink.Rows);
        if (hash is null)
        {
            return (new RegisteredReport(counts with { Failed = counts.Failed + 1 })
            {
                Error = error ?? Failure.NoReason,
                Timings = result.Timings,
            }, false);
        }
        var changed = hash != lastHash;
        return (new RegisteredReport(counts with { Succeeded = counts.Succeeded + 1, SizeSum = counts.SizeSum + (changed ? sink.Size : 0) })
        {
            Hash = hash,
            Rows = result.Rows ?? 0,
            Size = sink.Size,
            Columns = changed ? sink.Columns : null,
            Timings = result.Timings,
        }, changed);
    }

    static (string? Hash, ErrorDetails? Error) HashOf(RegisteredDefinition query, ReadOnlyMemory<byte> rows)
    {
        if (query.Key is not { } key)
            return (Convert.ToHexStringLower(SHA256.HashData(rows.Span)), null);
        try
        {
            return (KeyedRows.Read(rows, key).Hash(), null);
        }
        catch (KeyFaultException e)
        {
            return (null, Failure.Of(FailureCodes.InvalidParameter, e.Message));
        }
    }

    async Task<RegisteredEnd> TellAsync(
        RegisteredDefinition query, RegisteredReport report, ReadOnlyMemory<byte> rows, RegisteredCounts before, string? lastHash, CancellationToken stop)
    {
        try
        {
            var ack = await api.Client.ReportAsync(query.Id, report, rows.IsEmpty ? default : Compress(rows.Span), api.Tokens.GetAsync, stop);
            return new(RegisteredEndKind.Told, report.Counts, ack.LastHash) { Succeeded = report.Hash is not null };
        }
        catch (ApiRefusedException e) when (e is { ByApi: true, Status: HttpStatusCode.Gone })
        {
            return new(RegisteredEndKind.Gone, report.Counts, lastHash);
        }
        catch (Exception e) when (e is HttpRequestException or ApiRefusedException)
        {
            // The next run finds the same difference, and tells it; what is counted stays counted.
            return new(RegisteredEndKind.Untold, rows.IsEmpty ? report.Counts : report.Counts with { SizeSum = before.SizeSum }, lastHash);
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
}

/// <summary>How a run ended.</summary>
/// <param name="Counts">With this run, where it counts.</param>
/// <param name="LastHash">What the API holds now.</param>
sealed record RegisteredEnd(RegisteredEndKind Kind, RegisteredCounts Counts, string? LastHash)
{
    /// <summary>The database gave a result that can be compared.</summary>
    public bool Succeeded { get; init; }
}

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

using System.Collections.Concurrent;
using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Files;
using Halo.Link.Journal;
using Halo.Link.Pages;
using Halo.Link.Pages.Upload;
using Halo.Link.Rows;
using Halo.Link.Sites;
using Halo.Link.Tests.Pages;
using Halo.Link.Transport;
using Halo.Link.Work;
using Halo.Link.Work.Async;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Link.Tests.Work.Async;

/// <summary>
/// One run of the async side on a data directory: real journal, spool, uploader and line. A script stands for the database, so that
/// a test can hold it at any moment; the engines are tested against real ones in their own folder.
/// </summary>
sealed class LinkUnderTest : IAsyncDisposable
{
    readonly Uploader _uploader;
    readonly ScriptedCommands _commands;

    public LinkUnderTest(TemporaryFolder folder, ApiStandIn api, TimeProvider? time = null, SpoolOptions? spool = null, AsyncOptions? options = null, LocalSites? sites = null)
    {
        var clock = time ?? TimeProvider.System;
        var key = LocalKey.Open(folder.Path);
        Journal = ClaimJournal.Open(folder.Path, key, clock);
        Spool = new Spool(folder.Path, key, spool ?? new(), clock);
        _uploader = new Uploader(api.Http, (_, _) => ValueTask.FromResult("token"), _ => ValueTask.CompletedTask, Spool,
            new() { FirstWait = TimeSpan.FromMilliseconds(2), LongestWait = TimeSpan.FromMilliseconds(10) }, clock, new Random(7), NullLogger<Uploader>.Instance);
        _commands = new(sites);
        Queries = new AsyncQueries(options ?? new(), Journal, Spool, _uploader, Current, _commands, clock, NullLogger<AsyncQueries>.Instance);
    }

    public ClaimJournal Journal { get; }

    public Spool Spool { get; }

    public CurrentSession Current { get; } = new();

    public AsyncQueries Queries { get; }

    /// <summary>Every query that the database was given.</summary>
    public ConcurrentQueue<Guid> Given => _commands.Given;

    /// <summary>What the loop holds now.</summary>
    public IReadOnlyList<HeldClaim> Held => Queries.HeldAsync().GetAwaiter().GetResult().Claims;

    /// <summary>What the database does; by default a reader gives the rows that its text numbers, a nonQuery changes three.</summary>
    public ExecuteClaim? Database
    {
        get => _commands.Execute;
        set => _commands.Execute = value;
    }

    public static Claim NewClaim(long number, int rows = 10, ExecutionMode mode = ExecutionMode.Reader, int uploadLimitMs = 3_600_000) =>
        new(Guid.CreateVersion7(), Guid.NewGuid(), number, Guid.NewGuid(), Guid.NewGuid(),
            new QueryCommand($"{rows}") { ExecutionMode = mode }, 300_000, uploadLimitMs, PageBytes: 500);

    public static string Row(int i) => JsonSerializer.Serialize(new { v = $"row {i} {new string('x', 100)}" });

    public static async Task<ExecutionResult> GiveRowsAsync(IRowSink sink, int rows, CancellationToken cancel)
    {
        await sink.BeginAsync(TestRows.Columns, cancel);
        for (var i = 0; i < rows; i++)
            await ((PageSink)sink).GiveRowAsync(Row(i), cancel);
        await sink.EndAsync(cancel);
        return new(Ending.Successful, Executed.Yes) { Rows = rows, ResultSets = 1, Timings = new(1, 2, 3) };
    }

    /// <summary>Never answers until it is cancelled; then the database says <paramref name="executed"/>.</summary>
    public static ExecuteClaim Hanging(Executed executed, Action? given = null) => async (_, _, cancel) =>
    {
        given?.Invoke();
        await Task.Delay(Timeout.Infinite, cancel).ContinueWith(_ => { }, TaskScheduler.Default);
        return new(Ending.Cancelled, executed);
    };

    public static async Task Until(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(Eventually.Limit);
        while (!condition())
            await Task.Delay(2, patience.Token);
    }

    public async ValueTask DisposeAsync()
    {
        using var stop = new CancellationTokenSource(Eventually.Limit);
        await Queries.StopAsync(stop.Token);
        await Queries.DisposeAsync();
        _uploader.Dispose();
        Journal.Dispose();
    }
}

static class RowGiving
{
    public static async ValueTask GiveRowAsync(this PageSink sink, string json, CancellationToken stop)
    {
        if (!await TestRows.WriteRowAsync(sink, json, stop))
            throw new InvalidOperationException("The sink wanted no more rows.");
    }
}

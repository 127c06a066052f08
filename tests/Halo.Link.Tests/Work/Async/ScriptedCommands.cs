using System.Collections.Concurrent;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Rows;
using Halo.Link.Sites;
using Halo.Link.Work;
using Halo.Link.Work.Async;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Link.Tests.Work.Async;

/// <summary>What a test's database does with a claim.</summary>
delegate Task<ExecutionResult> ExecuteClaim(Claim claim, IRowSink sink, CancellationToken cancel);

/// <summary>A script in the place of the databases, so that a test can hold one at any moment. Whether a claim may begin is decided by real sites where there are any.</summary>
sealed class ScriptedCommands : IClaimedCommands
{
    readonly ClaimedCommands? _real;

    public ScriptedCommands(LocalSites? sites = null)
    {
        if (sites is null)
            return;
        _real = new(new CommandExecutor(new SiteLimits(), NullLogger<CommandExecutor>.Instance), sites);
        _real.PlaceFreed += () => PlaceFreed?.Invoke();
    }

    public event Action? PlaceFreed;

    /// <summary>Every query that the database was given.</summary>
    public ConcurrentQueue<Guid> Given { get; } = new();

    /// <summary>What the database does; by default a reader gives the rows that its text numbers, a nonQuery changes three.</summary>
    public ExecuteClaim? Execute { get; set; }

    /// <summary>Whether the database can be had; null: as the sites say.</summary>
    public Func<CancellationToken, Task<bool>>? IsReachable { get; init; }

    public IReadOnlyList<Guid> UnavailableSites => _real?.UnavailableSites ?? [];

    public bool IsAllUnavailable => _real?.IsAllUnavailable ?? false;

    public bool TryEnter(Claim claim) => _real?.TryEnter(claim) ?? true;

    public void Leave(Claim claim) => _real?.Leave(claim);

    public Task<bool> IsReachableAsync(Claim claim, CancellationToken stop) =>
        IsReachable?.Invoke(stop) ?? _real?.IsReachableAsync(claim, stop) ?? Task.FromResult(true);

    public Task<ExecutionResult> RunAsync(Claim claim, IRowSink sink, CancellationToken cancel)
    {
        Given.Enqueue(claim.QueryId);
        if (Execute is { } script)
            return script(claim, sink, cancel);
        return claim.Command!.ExecutionMode == ExecutionMode.NonQuery
            ? Task.FromResult(new ExecutionResult(Ending.Successful, Executed.Yes) { RowsAffected = 3 })
            : LinkUnderTest.GiveRowsAsync(sink, int.Parse(claim.Command.Text), cancel);
    }
}

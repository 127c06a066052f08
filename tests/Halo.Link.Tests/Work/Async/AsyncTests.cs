using System.Security.Cryptography;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Tests.Pages;
using Halo.LinkProtocol.Messages;
using static Halo.Link.Tests.Work.Async.LinkUnderTest;

namespace Halo.Link.Tests.Work.Async;

/// <summary>One Link's async side against the stand-in, for each test.</summary>
public abstract class AsyncTests : IAsyncLifetime
{
    private protected TemporaryFolder Folder { get; } = new();
    private protected ApiStandIn Api { get; private set; } = null!;
    private protected LinkUnderTest Link { get; set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Api = await ApiStandIn.StartAsync();
        Link = new LinkUnderTest(Folder, Api);
    }

    public async ValueTask DisposeAsync()
    {
        await Link.DisposeAsync();
        await Api.DisposeAsync();
        Folder.Dispose();
    }

    private protected Task<IReadOnlyList<HeldClaim>> ConnectAsync(Func<HeldClaim, Verdict>? judge = null) => Api.ConnectAsync(Link.Queries, Link.Current, judge);

    private protected Claim Wait(Claim claim)
    {
        Api.Waiting.Enqueue(claim);
        return claim;
    }

    private protected async Task Settled(Guid queryId) => await Until(() => Link.Journal.Find(queryId) is null or { Held: false } && Link.Held.All(c => c.QueryId != queryId));
}

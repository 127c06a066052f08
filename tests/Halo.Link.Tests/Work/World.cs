using Halo.Contracts.Queries;
using Halo.Link.Settings;
using Halo.Link.Tests.Session;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Work;

/// <summary>An agent with an open session.</summary>
sealed class World : IAsyncDisposable
{
    World(TestApi api, RunningLink link, TestSession session, Hello hello) => (Api, Link, Session, Hello) = (api, link, session, hello);

    public TestApi Api { get; }

    public RunningLink Link { get; }

    public TestSession Session { get; }

    public Hello Hello { get; }

    /// <summary>The same in another session.</summary>
    public World With(TestSession session) => new(Api, Link, session, Hello);

    public static async Task<World> StartAsync(Func<LinkSettings, LinkSettings>? change = null)
    {
        var api = await TestApi.StartAsync();
        var link = new RunningLink(api.Address, change).Start();
        var session = await api.NextSessionAsync();
        return new(api, link, session, await session.WelcomeAsync());
    }

    public static QueryCommand Query(string sql, ExecutionMode mode) => new(sql) { ExecutionMode = mode };

    public Execute At(QueryCommand command) => new(Hello.Sites[0].Id, Guid.Empty, command, 30_000, 60_000, 8 << 20);

    public Task SendAsync(Guid id, string sql) => Session.SendAsync(FrameKind.Execute, id, At(new(sql)), ProtocolJson.Default.Execute);

    public Task<(ResultHead? Head, byte[] Rows, Outcome Outcome, int LargestChunk)> AskAsync(string sql, Func<Execute, Execute>? change = null)
    {
        var execute = At(new(sql));
        return AskAsync(change?.Invoke(execute) ?? execute, Guid.NewGuid());
    }

    public Task<(ResultHead? Head, byte[] Rows, Outcome Outcome, int LargestChunk)> AskAsync(QueryCommand command, Guid id) => AskAsync(At(command), id);

    public async ValueTask DisposeAsync()
    {
        await Link.DisposeAsync();
        await Api.DisposeAsync();
    }

    async Task<(ResultHead? Head, byte[] Rows, Outcome Outcome, int LargestChunk)> AskAsync(Execute execute, Guid id)
    {
        await Session.SendAsync(FrameKind.Execute, id, execute, ProtocolJson.Default.Execute);
        return await Session.ResultAsync(id);
    }
}

using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>The engine for SQL Server before the tests' own server, which answers by script.</summary>
sealed class TdsBench : IAsyncDisposable
{
    readonly EngineBench _engine;

    public TdsBench(TdsScript script, TdsServerOptions? options = null, PracticeProtection? protection = null, string settings = "", TimeProvider? time = null)
    {
        Server = new(script, options);
        _engine = new(DatabaseEngines.Create(EngineNames.SqlServer, Server.ConnectionString + settings, time ?? TimeProvider.System, protection));
    }

    public TdsServer Server { get; }

    public EngineBench Engine => _engine;

    public Task<ExecutionResult> RunAsync(
        QueryCommand command, TimeSpan? limit = null, long? maxRows = null, CancellationTokenSource? cancel = null, bool readOnly = false,
        CommandAccess access = CommandAccess.Write, long? maxBytes = null) =>
        _engine.RunAsync(command, limit: limit, cancel: cancel, access: readOnly ? CommandAccess.ReadOnly : access, rules: new() { MaxRows = maxRows, MaxBytes = maxBytes });

    public async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync();
        await Server.DisposeAsync();
    }
}

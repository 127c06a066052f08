using System.Data.Common;
using System.Reflection;
using Halo.Link.Engines;

namespace Halo.Link.Tests.Engines;

/// <summary>An engine whose driver can be held, as one does that heeds no token; in all else it is the real one.</summary>
class HeldEngine : DispatchProxy
{
    IDatabaseEngine _real = null!;

    /// <summary>What each connection waits for before it opens.</summary>
    public Func<CancellationToken, Task> Opening { get; set; } = _ => Task.CompletedTask;

    /// <summary>What each question whether the database is there waits for.</summary>
    public Func<Task> Pinging { get; set; } = () => Task.CompletedTask;

    /// <summary>What each rollback waits for.</summary>
    public Func<Task> RollingBack { get; set; } = () => Task.CompletedTask;

    /// <summary>Called when a connection was given back.</summary>
    public Action Closed { get; set; } = () => { };

    public static IDatabaseEngine Of(IDatabaseEngine real, Action<HeldEngine> hold)
    {
        var held = Create<IDatabaseEngine, HeldEngine>();
        ((HeldEngine)held)._real = real;
        hold((HeldEngine)held);
        return held;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        return targetMethod!.Name switch
        {
            nameof(IDatabaseEngine.OpenAsync) => OpenAsync(),
            nameof(IDatabaseEngine.PingAsync) => PingAsync(),
            nameof(IDatabaseEngine.RollBackAsync) => RollBackAsync(),
            nameof(IDatabaseEngine.CloseAsync) => CloseAsync(),
            _ => Call(),
        };

        object? Call() => targetMethod.Invoke(_real, BindingFlags.DoNotWrapExceptions, null, args, null);

        async Task<DbConnection> OpenAsync()
        {
            await Opening((CancellationToken)args![^1]!);
            return await (Task<DbConnection>)Call()!;
        }

        async Task PingAsync()
        {
            await Pinging();
            await (Task)Call()!;
        }

        async ValueTask<bool> RollBackAsync()
        {
            await RollingBack();
            return await (ValueTask<bool>)Call()!;
        }

        async ValueTask CloseAsync()
        {
            await (ValueTask)Call()!;
            Closed();
        }
    }
}

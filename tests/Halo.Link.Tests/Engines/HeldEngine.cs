using System.Data.Common;
using System.Reflection;
using Halo.Link.Engines;

namespace Halo.Link.Tests.Engines;

/// <summary>An engine whose driver can be held while it connects, as one does that heeds no token; in all else it is the real one.</summary>
class HeldEngine : DispatchProxy
{
    IDatabaseEngine _real = null!;
    Func<CancellationToken, Task> _opening = null!;

    /// <param name="opening">What each connection waits for.</param>
    public static IDatabaseEngine Of(IDatabaseEngine real, Func<CancellationToken, Task> opening)
    {
        var held = Create<IDatabaseEngine, HeldEngine>();
        ((HeldEngine)held)._real = real;
        ((HeldEngine)held)._opening = opening;
        return held;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        return targetMethod!.Name == nameof(IDatabaseEngine.OpenAsync) ? OpenAsync() : Call();

        object? Call() => targetMethod.Invoke(_real, BindingFlags.DoNotWrapExceptions, null, args, null);

        async Task<DbConnection> OpenAsync()
        {
            await _opening((CancellationToken)args![^1]!);
            return await (Task<DbConnection>)Call()!;
        }
    }
}

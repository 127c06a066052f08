using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Rows;
using Halo.Link.Settings;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Engines;

/// <summary>Runs commands on one engine as the Link does and shows their rows.</summary>
sealed class EngineBench(IDatabaseEngine engine, TimeProvider? time = null) : IAsyncDisposable
{
    public IDatabaseEngine Engine => engine;

    public Task<ExecutionResult> RunAsync(
        QueryCommand command, IRowSink? sink = null, int resultSet = 1, string? tag = null, TimeSpan? limit = null, CancellationTokenSource? cancel = null,
        CommandAccess access = CommandAccess.Write, PolicyRules? rules = null) =>
        engine.NewRunner(time ?? TimeProvider.System).RunAsync(
            new(command, null, tag, resultSet, limit ?? TimeSpan.FromMinutes(1), access) { MaxRows = rules?.MaxRows, MaxBytes = rules?.MaxBytes },
            sink ?? new CollectingSink(), cancel?.Token ?? TestContext.Current.CancellationToken);

    /// <summary>Runs a batch; its rows, one array after another, go to the sink.</summary>
    public Task<ExecutionResult> RunAsync(
        CommandBatch batch, IRowSink? sink = null, TimeSpan? limit = null, CancellationToken? cancel = null, CommandAccess access = CommandAccess.Write, PolicyRules? rules = null) =>
        engine.NewRunner(time ?? TimeProvider.System).RunAsync(
            new(batch[0], null, null, 1, limit ?? TimeSpan.FromMinutes(1), access) { Batch = batch, MaxRows = rules?.MaxRows, MaxBytes = rules?.MaxBytes },
            sink ?? new CollectingSink(), cancel ?? TestContext.Current.CancellationToken);

    /// <summary>Has a command described; its columns go to the sink.</summary>
    public async Task<(ExecutionResult Result, CollectingSink Sink)> DescribeAsync(
        QueryCommand command, CommandAccess access = CommandAccess.Read, TimeSpan? limit = null, CancellationToken? cancel = null)
    {
        var sink = new CollectingSink();
        var result = await engine.NewRunner(time ?? TimeProvider.System).RunAsync(
            new(command, null, null, 1, limit ?? TimeSpan.FromMinutes(1), access) { IsDescription = true }, sink, cancel ?? TestContext.Current.CancellationToken);
        return (result, sink);
    }

    public Task<ExecutionResult> RunAsync(string sql, IRowSink? sink = null) => RunAsync(new QueryCommand(sql), sink);

    /// <summary>Rows as JSON; a failure fails the test with its message.</summary>
    public async Task<string> RowsAsync(string sql, params CommandParameter[] parameters)
    {
        var sink = new CollectingSink();
        var result = await RunAsync(new QueryCommand(sql) { Parameters = parameters }, sink);
        Assert.True(result.Ending == Ending.Successful, $"{result.Ending}: {result.Error?.ErrorMessage}");
        using var _ = JsonDocument.Parse(sink.Json);
        return sink.Json;
    }

    /// <summary>The value of the one column of the one row, as JSON.</summary>
    public async Task<string> ValueAsync(string sql, params CommandParameter[] parameters)
    {
        var rows = await RowsAsync(sql, parameters);
        using var document = JsonDocument.Parse(rows);
        return Assert.Single(Assert.Single(document.RootElement.EnumerateArray()).EnumerateObject()).Value.GetRawText();
    }

    public async Task<ExecutionResult> DoAsync(string sql)
    {
        var result = await RunAsync(new QueryCommand(sql) { ExecutionMode = ExecutionMode.NonQuery });
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        return result;
    }

    public static CommandParameter Parameter(string name, object? value, SqlType? type = null) =>
        new(name) { Type = type, Value = JsonSerializer.SerializeToElement(value) };

    public ValueTask DisposeAsync() => engine.DisposeAsync();
}

using System.Data;
using Halo.Testing;
using Halo.Testing.Tds;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Tests.Tds;

/// <summary>Cancelling, as the driver does it, before the tests' own server.</summary>
public sealed class TdsAttentionTests
{
    [Fact]
    public async Task An_attention_ends_a_statement_that_waits()
    {
        await using var server = new TdsServer(async (_, answer) =>
        {
            await answer.Attention;
            answer.IsCutOff = true;
        });
        var (e, status) = await CancelAsync(server);
        Assert.Equal((0, 11), (e!.Errors[0].Number, e.Errors[0].Class));
        Assert.Null(status);
        Assert.Equal((1, 0), (server.Attentions, server.Effects("update")));
    }

    [Fact]
    public async Task A_late_acknowledgement_comes_behind_the_whole_answer()
    {
        await using var server = new TdsServer(async (_, answer) =>
        {
            await answer.Attention;
            answer.Effect("update");
            answer.Done(TdsCommand.Update, 1);
        });
        var (e, status) = await CancelAsync(server);
        // The whole answer can be there before the driver knows that its own cancel has left: then nothing failed.
        if (e is not null)
            Assert.Equal((0, 11), (e.Errors[0].Number, e.Errors[0].Class));
        // Though the driver throws "cancelled", it has read the procedure's end: this is what proves that it ran.
        Assert.Equal(0, status);
        Assert.Equal(1, server.Effects("update"));
    }

    [Fact]
    public async Task A_cut_off_statement_of_a_trigger_counts_without_an_end()
    {
        await using var server = new TdsServer(async (_, answer) =>
        {
            answer.DoneInTrigger(TdsCommand.Insert, 1);
            await answer.FlushAsync();
            await answer.Attention;
            answer.IsCutOff = true;
        });
        var (_, status) = await CancelAsync(server);
        Assert.Null(status);
    }

    [Fact]
    public async Task A_frozen_server_takes_connections_and_answers_nothing_until_it_is_thawed()
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask);
        server.Freeze();
        await using var connection = new SqlConnection(server.ConnectionString + ";Pooling=false");
        var opening = connection.OpenAsync(TestContext.Current.CancellationToken);
        await Eventually.BecomesAsync(() => Task.FromResult(server.Connections), n => n == 1);
        Assert.False(opening.IsCompleted);
        server.Thaw();
        await opening;
        Assert.Equal(1, server.Logins);
    }

    /// <summary>Runs an UPDATE by sp_executesql, cancels it from another thread and tells what the driver threw and whether it saw the end.</summary>
    static async Task<(SqlException? Failure, int? Status)> CancelAsync(TdsServer server)
    {
        await using var connection = new SqlConnection(server.ConnectionString + ";Pooling=false");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        using var command = new SqlCommand("UPDATE t", connection) { CommandTimeout = 0 };
        command.Parameters.Add(new("@status", SqlDbType.Int) { Direction = ParameterDirection.ReturnValue });
        var running = Task.Run(() => Record.Exception(() => command.ExecuteNonQuery()), TestContext.Current.CancellationToken);
        await Eventually.BecomesAsync(() => Task.FromResult(server.Requests.Count), n => n == 1);
        command.Cancel();
        var failure = await running;
        Assert.Equal(ConnectionState.Open, connection.State);
        return ((SqlException?)failure, command.Parameters[0].Value as int?);
    }
}

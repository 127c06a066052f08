namespace Halo.Client.Tests.Calls;

/// <summary>Answers with rows that end before their end, in each way in which HTTP lets them.</summary>
public sealed class BrokenRowsTests
{
    const string Head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.halo.rows+json\r\nConnection: close\r\n";

    [Theory]
    // The last chunk is missing.
    [InlineData("Transfer-Encoding: chunked\r\n\r\n9\r\n[{\"a\":1}]\r\n")]
    // The array is not closed, though the body ends in order.
    [InlineData("Transfer-Encoding: chunked\r\n\r\n8\r\n[{\"a\":1}\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n9\r\n[{\"a\":1},\r\n0\r\n\r\n")]
    [InlineData("Content-Length: 8\r\n\r\n[{\"a\":1}")]
    // A proxy that speaks HTTP/1.0 ends the body with the connection.
    [InlineData("\r\n[{\"a\":1}")]
    [InlineData("Content-Length: 100\r\n\r\n[{\"a\":1}]")]
    // Nothing more comes.
    [InlineData("Transfer-Encoding: chunked\r\n\r\n9\r\n[{\"a\":1}]\r\n…")]
    public async Task Rows_that_break_off_are_an_error_behind_those_that_came(string answer)
    {
        await using var server = new ScriptedServer(Head + answer);
        var read = new List<int>();
        var error = await Assert.ThrowsAsync<HaloException>(() => ReadAsync(server, read));
        Assert.Equal(HaloExceptionCodes.RowsBroken, error.Code);
        Assert.True(error.IsTransient);
        Assert.Equal([1], read);
    }

    [Theory]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n9\r\n[{\"a\":1}]\r\n0\r\n\r\n")]
    [InlineData("\r\n[{\"a\":1}]")]
    public async Task Rows_that_end_in_order_are_whole(string answer)
    {
        await using var server = new ScriptedServer(Head + answer);
        var read = new List<int>();
        await ReadAsync(server, read);
        Assert.Equal([1], read);
    }

    [Fact]
    public async Task Another_kind_of_answer_is_no_rows()
    {
        await using var server = new ScriptedServer(ScriptedServer.Json("200 OK", "[]"));
        Assert.Equal(HaloExceptionCodes.UnknownAnswer, (await Assert.ThrowsAsync<HaloException>(() => ReadAsync(server, []))).Code);
    }

    static async Task ReadAsync(ScriptedServer server, List<int> into)
    {
        await foreach (var a in server.Site(o => o.AnswerTimeout = TimeSpan.FromSeconds(2)).StreamAsync<int>($"SELECT a FROM t"))
            into.Add(a);
    }
}

using System.Text;
using System.Text.Json;
using Halo.Client.Rows;

namespace Halo.Client.Tests.Rows;

/// <summary>Rows are read one by one from pieces of any size, and only what is whole ends in order.</summary>
public sealed class RowReaderTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(100_000)]
    public async Task Rows_are_the_same_whatever_pieces_they_come_in(int piece)
    {
        var longText = string.Concat(Enumerable.Range(0, 300).Select(i => $"Zürich \"{i}\" {{[}}] \\ 😀 ,"));
        var rows = Enumerable.Range(0, 50).Select(i => new { id = i, name = i % 7 == 0 ? longText : $"n{i}", note = (string?)null, active = i % 2 == 0 }).ToList();
        await using var reader = new RowReader(new SlowStream(JsonSerializer.SerializeToUtf8Bytes(rows), piece));
        for (var i = 0; i < rows.Count; i++)
        {
            Assert.True(await reader.ReadAsync(default));
            Assert.Equal(["id", "name", "note", "active"], reader.Row.Names);
            Assert.Equal((i, rows[i].name, true, rows[i].active),
                (RowValues.Whole<int>(reader.Row, 0), reader.Row.Text(1), reader.Row.IsNull(2), RowValues.Bool(reader.Row, 3)));
        }
        Assert.False(await reader.ReadAsync(default));
        Assert.False(await reader.ReadAsync(default));
        Assert.Equal(50, reader.Count);
    }

    [Fact]
    public async Task A_row_much_longer_than_the_buffer_is_read_whole()
    {
        var text = string.Concat(Enumerable.Repeat("\\\"}{", 200_000));
        await using var reader = new RowReader(new SlowStream(JsonSerializer.SerializeToUtf8Bytes(new[] { new { text }, new { text = "short" } }), 16 * 1024));
        Assert.True(await reader.ReadAsync(default));
        Assert.Equal(text, reader.Row.Text(0));
        Assert.True(await reader.ReadAsync(default));
        Assert.Equal("short", reader.Row.Text(0));
        Assert.False(await reader.ReadAsync(default));
    }

    [Theory]
    [InlineData("[[{\"name\":\"a\",\"type\":\"Int\",\"databaseType\":\"int\"}],{\"a\":1},{\"a\":2}]", 1, 2)]
    [InlineData(" [ [ {\"name\":\"a\",\"databaseType\":\"\",\"later\":{}} ] , {\"a\":2} ] ", 1, 1)]
    [InlineData("[[{\"name\":\"a\",\"databaseType\":\"\"}]]", 1, 0)]
    [InlineData("[[]]", 0, 0)]
    public async Task A_table_has_its_columns_before_its_rows(string json, int columns, int rows)
    {
        for (var piece = 1; piece < 60; piece += 7)
        {
            await using var reader = new RowReader(new SlowStream(Encoding.UTF8.GetBytes(json), piece), isTable: true);
            for (var i = 0; i < rows; i++)
                Assert.True(await reader.ReadAsync(default));
            Assert.False(await reader.ReadAsync(default));
            Assert.Equal(columns, reader.Columns!.Count);
        }
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("[{\"a\":1}]")]
    [InlineData("[[],]")]
    [InlineData("[[] {\"a\":1}]")]
    [InlineData("[[],[]]")]
    public async Task What_is_no_table_is_an_error(string json)
    {
        await using var reader = new RowReader(new SlowStream(Encoding.UTF8.GetBytes(json), 3), isTable: true);
        await Assert.ThrowsAnyAsync<JsonException>(async () =>
        {
            while (await reader.ReadAsync(default))
            {
                // The first may be right.
            }
        });
    }

    [Theory]
    [InlineData("[[{\"name\":\"a\",")]
    [InlineData("[[]")]
    [InlineData("[[],")]
    public async Task A_table_that_breaks_off_is_an_error(string json)
    {
        await using var reader = new RowReader(new SlowStream(Encoding.UTF8.GetBytes(json), 3), isTable: true);
        await Assert.ThrowsAsync<EndOfStreamException>(async () => await reader.ReadAsync(default));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData(" [ ] \n")]
    public async Task No_rows_are_no_rows(string json)
    {
        await using var reader = Of(json);
        Assert.False(await reader.ReadAsync(default));
    }

    [Fact]
    public async Task What_ends_before_the_array_does_is_never_taken_for_whole()
    {
        var whole = Encoding.UTF8.GetBytes("""[{"a":1,"b":"x"},{"a":2,"b":"y"}]""");
        for (var length = 0; length < whole.Length; length++)
        {
            await using var reader = new RowReader(new SlowStream(whole[..length], 5));
            await Assert.ThrowsAsync<EndOfStreamException>(() => CountAsync(reader));
        }
    }

    [Fact]
    public async Task What_breaks_after_the_array_was_closed_is_not_whole_either()
    {
        await using var reader = new RowReader(new SlowStream("""[{"a":1}]"""u8.ToArray(), 100, new IOException("reset")));
        Assert.True(await reader.ReadAsync(default));
        await Assert.ThrowsAsync<IOException>(() => CountAsync(reader));
    }

    [Theory]
    [InlineData("{\"a\":1}")]
    [InlineData("<html>")]
    [InlineData("[{\"a\":1} {\"a\":2}]")]
    [InlineData("[{\"a\":1},]")]
    [InlineData("[{\"a\":1},{\"b\":1}]")]
    [InlineData("[{\"a\":1},{\"a\":1,\"b\":1}]")]
    [InlineData("[{\"a\":1,\"b\":2},{\"a\":1}]")]
    [InlineData("[{\"a\":1}]]")]
    [InlineData("[1]")]
    public async Task What_is_no_array_of_rows_is_refused(string json)
    {
        await using var reader = Of(json);
        await Assert.ThrowsAnyAsync<JsonException>(() => CountAsync(reader));
    }

    static RowReader Of(string json) => new(new SlowStream(Encoding.UTF8.GetBytes(json), 3));

    static async Task<int> CountAsync(RowReader reader)
    {
        var count = 0;
        while (await reader.ReadAsync(default))
            count++;
        return count;
    }
}

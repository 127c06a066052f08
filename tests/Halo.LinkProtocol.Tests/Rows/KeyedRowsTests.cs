using System.Text;
using System.Text.Json;
using Halo.LinkProtocol.Rows;

namespace Halo.LinkProtocol.Tests.Rows;

public sealed class KeyedRowsTests
{
    [Fact]
    public void Rows_come_in_the_order_of_their_keys()
    {
        var rows = Read("""[{"b":"z","id":3},{"id":1,"b":"x"},{"id":2}]""", "id");
        Assert.Equal(["""{"id":1,"b":"x"}""", """{"id":2}""", """{"b":"z","id":3}"""], Enumerable.Range(0, rows.Count).Select(i => Encoding.UTF8.GetString(rows.Row(i))));
        Assert.Equal("3", Encoding.UTF8.GetString(rows.KeyPart(2, 0)));
    }

    [Fact]
    public void The_hash_does_not_depend_on_the_order_of_rows_and_depends_on_all_else()
    {
        var hash = Read("""[{"id":1,"n":"a"},{"id":2,"n":"b"}]""", "id").Hash();
        Assert.Equal(hash, Read("""[{"id":2,"n":"b"},{"id":1,"n":"a"}]""", "id").Hash());
        Assert.NotEqual(hash, Read("""[{"id":2,"n":"b"},{"id":1,"n":"A"}]""", "id").Hash());
        Assert.NotEqual(hash, Read("""[{"id":1,"n":"a"}]""", "id").Hash());
        Assert.Equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Read("[]", "id").Hash());
    }

    [Fact]
    public void Each_part_of_a_key_counts_by_itself()
    {
        var rows = Read("""[{"a":"x","b":"yz"},{"a":"xy","b":"z"}]""", "a", "b");
        Assert.Equal(2, rows.Count);
        Assert.NotEqual(0, rows.CompareKeys(0, rows, 1));
        Assert.Equal(0, rows.CompareKeys(1, Read("""[{"b":"z","a":"xy","c":1}]""", "a", "b"), 0));
    }

    [Fact]
    public void Values_of_every_kind_are_passed_over_or_taken_whole()
    {
        var rows = Read("""[{"x":{"id":9,"y":[1,{"id":8}]},"id":"a\"}]","z":null}]""", "id");
        Assert.Equal("\"a\\\"}]\"", Encoding.UTF8.GetString(rows.KeyPart(0, 0)));
    }

    [Theory]
    [InlineData("""[{"id":1},{"id":1}]""", "Two rows have the same key (id)")]
    [InlineData("""[{"id":1},{"id":2},{"id":1}]""", "Two rows have the same key (id)")]
    [InlineData("""[{"ID":1}]""", "no column \"id\"")]
    [InlineData("""[{"id":null}]""", "has nothing in it")]
    [InlineData("""[{"id":1},{"x":1}]""", "no column \"id\"")]
    public void Rows_that_a_key_does_not_tell_apart_are_named(string json, string words) =>
        Assert.Contains(words, Assert.Throws<KeyFaultException>(() => Read(json, "id")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[1]")]
    [InlineData("[[]]")]
    [InlineData("""[{"id":1}""")]
    [InlineData("""[{"id":""")]
    [InlineData("""[{"id":1}],{}""")]
    [InlineData("""[{"id":1}]x""")]
    public void What_is_no_array_of_rows_is_refused(string json) => Assert.ThrowsAny<JsonException>(() => Read(json, "id"));

    static KeyedRows Read(string json, params string[] key) => KeyedRows.Read(Encoding.UTF8.GetBytes(json), key);
}

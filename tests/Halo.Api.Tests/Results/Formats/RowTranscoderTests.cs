using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Halo.Api.Results.Formats;
using Halo.Contracts.Queries;

namespace Halo.Api.Tests.Results.Formats;

public class RowTranscoderTests
{
    static readonly ResultColumn[] Columns =
    [
        new("id", SqlType.BigInt, "bigint"), new("a \"b\", ü", SqlType.NVarChar, "text"), new("on", SqlType.Bit, "bool"), new("😀\r\n", SqlType.Decimal, "numeric"),
    ];

    static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public sealed record Row(long Id, string? Text, bool? On, decimal? Number)
    {
        public object?[] Values => [Id, Text, On, Number];
    }

    /// <summary>Any rows, in any number of arrays, in pieces of any size.</summary>
    public static Arbitrary<(Row[] Rows, int[] Cuts, int Pages)> Cases()
    {
        var text = Gen.OneOf(
            Gen.Constant<string?>(null), Gen.Constant<string?>(""), Gen.Elements<string?>("\"", "a,b", "\r\n", " ", "\u0000", "\\u0041", "😀", "O'Neil \"x\"", "[{}]", "null"),
            ArbMap.Default.GeneratorFor<UnicodeString>().Select(s => (string?)Whole(s.Get)));
        var row = from id in ArbMap.Default.GeneratorFor<long>()
                  from t in text
                  from bit in ArbMap.Default.GeneratorFor<bool?>()
                  from number in ArbMap.Default.GeneratorFor<decimal?>()
                  select new Row(id, t, bit, number);
        return (from rows in row.ArrayOf()
                from cuts in Gen.Choose(1, 40).NonEmptyListOf()
                from pages in Gen.Choose(1, 4)
                select (rows, cuts.ToArray(), pages)).ToArbitrary();
    }

    // The Link writes U+FFFD for what is no text; a row never has half a surrogate.
    static string Whole(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    static byte[] Json(IEnumerable<Row> rows, JsonSerializerOptions? options = null) => JsonSerializer.SerializeToUtf8Bytes(
        rows.Select(r => new Dictionary<string, object?>(Columns.Zip(r.Values, (c, v) => new KeyValuePair<string, object?>(c.Name, v)))), options ?? Relaxed);

    static string Transcode(RowForm form, IEnumerable<byte[]> arrays, int[] cuts, bool integersAsText = false)
    {
        using var usual = form.To(Columns, integersAsText);
        var written = Transcode(usual, arrays, cuts);
        if (integersAsText)
            return written;
        // Every text as though it were long: in CSV each that comes in pieces stands in quotes then, and means the same.
        using var inPieces = new RowTranscoder(form == RowForm.Csv ? new CsvRows([.. Columns.Select(c => c.Name)]) : new JsonRows(form == RowForm.Lines, []), longText: 1);
        var same = Transcode(inPieces, arrays, cuts);
        if (form == RowForm.Csv)
            Assert.Equal(Csv.Parse(written), Csv.Parse(same));
        else
            Assert.Equal(written, same);
        return written;
    }

    static string Transcode(IRowTranscoder transcoder, IEnumerable<byte[]> arrays, int[] cuts)
    {
        using var all = new MemoryStream();
        var cut = 0;
        foreach (var array in arrays)
        {
            for (var at = 0; at < array.Length;)
            {
                var length = Math.Min(cuts[cut++ % cuts.Length], array.Length - at);
                transcoder.Add(array.AsSpan(at, length));
                at += length;
                Take();
            }
            transcoder.EndArray();
        }
        transcoder.EndDocument();
        Take();
        return Encoding.UTF8.GetString(all.ToArray());

        void Take()
        {
            all.Write(transcoder.Output.Written.Span);
            transcoder.Output.Clear();
        }
    }

    static IEnumerable<byte[]> Pages(Row[] rows, int pages) =>
        rows.Length == 0 ? Enumerable.Repeat("[]"u8.ToArray(), pages) : rows.Chunk(Math.Max(1, rows.Length / pages)).Select(p => Json(p));

    [Fact]
    public void Any_rows_in_any_pieces_come_back_equal_as_an_array() =>
        Prop.ForAll(Cases(), c => Transcode(RowForm.Array, Pages(c.Rows, c.Pages), c.Cuts) == Encoding.UTF8.GetString(Json(c.Rows))).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_rows_in_any_pieces_come_back_equal_as_lines() => Prop.ForAll(Cases(), c =>
    {
        var lines = Transcode(RowForm.Lines, Pages(c.Rows, c.Pages), c.Cuts).Split('\n');
        Assert.Equal("", lines[^1]);
        return lines[..^1].SequenceEqual(c.Rows.Select(r => Encoding.UTF8.GetString(Json([r]))[1..^1]));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_rows_in_any_pieces_come_back_equal_as_csv() => Prop.ForAll(Cases(), c =>
    {
        var lines = Csv.Parse(Transcode(RowForm.Csv, Pages(c.Rows, c.Pages), c.Cuts));
        Assert.Equal(Columns.Select(x => x.Name), lines[0]);
        return lines.Count == c.Rows.Length + 1 && lines.Skip(1).Zip(c.Rows).All(p => p.First.SequenceEqual(p.Second.Values.Select(Text)));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Escapes_are_undone_in_csv()
    {
        var csv = Transcode(RowForm.Csv, [Json([new(1, "\t\"ü😀\0", null, null)], new JsonSerializerOptions())], [3]);
        Assert.Equal("\t\"ü😀\0", Csv.Parse(csv)[1][1]);
    }

    [Fact]
    public void Csv_is_as_rfc_4180_has_it()
    {
        var csv = Transcode(RowForm.Csv, [Json([new(1, "", true, 1.50m), new(2, null, false, null), new(3, "say \"a\", b", null, -0.1m)])], [1]);
        Assert.Equal("id,\"a \"\"b\"\", ü\",on,\"😀\r\n\"\r\n1,\"\",true,1.50\r\n2,,false,\r\n3,\"say \"\"a\"\", b\",,-0.1\r\n", csv);
    }

    [Theory]
    [InlineData(RowForm.Array, "[]")]
    [InlineData(RowForm.Lines, "")]
    [InlineData(RowForm.Csv, "id,\"a \"\"b\"\", ü\",on,\"😀\r\n\"\r\n")]
    public void No_rows_are_a_whole_document(object form, string expected)
    {
        Assert.Equal(expected, Transcode((RowForm)form, [], [1]));
        Assert.Equal(expected, Transcode((RowForm)form, ["[]"u8.ToArray(), "[]"u8.ToArray()], [1]));
    }

    [Theory]
    [InlineData(false, "[{\"id\":1},{\"id\":2}]", ",{\"id\":1},{\"id\":2}]")]
    [InlineData(true, "[{\"id\":1},{\"id\":2}]", ",{\"id\":\"1\"},{\"id\":\"2\"}]")]
    [InlineData(false, "[]", "]")]
    [InlineData(true, "[]", "]")]
    public void A_table_begins_with_its_columns_also_without_rows(bool integersAsText, string rows, string rest)
    {
        const string Head = """[[{"name":"id","type":"BigInt","databaseType":"bigint"}]""";
        using var table = RowForm.Table.To([new("id", SqlType.BigInt, "bigint")], integersAsText);
        Assert.Equal(Head + rest, Transcode(table, [Encoding.UTF8.GetBytes(rows), "[]"u8.ToArray()], [2]));
        using var none = RowForm.Table.To([], integersAsText);
        Assert.Equal("[[]]", Transcode(none, [], [1]));
    }

    [Fact]
    public void Sixty_four_bit_integers_become_strings_where_asked_and_other_numbers_do_not()
    {
        byte[][] rows = ["""[{"id":9223372036854775807,"a":"x","on":null,"d":12345678901234567890.12}]"""u8.ToArray()];
        Assert.Equal("""[{"id":"9223372036854775807","a":"x","on":null,"d":12345678901234567890.12}]""", Transcode(RowForm.Array, rows, [5], integersAsText: true));
        Assert.Equal("""{"id":"9223372036854775807","a":"x","on":null,"d":12345678901234567890.12}""" + "\n", Transcode(RowForm.Lines, rows, [5], integersAsText: true));
        Assert.Equal("9223372036854775807,x,,12345678901234567890.12", Transcode(RowForm.Csv, rows, [5], integersAsText: true).Split("\r\n")[2]);
    }

    [Theory]
    [InlineData("""[{"id":1}""")]
    [InlineData("""[{"id":1""")]
    [InlineData("""{"id":1}""")]
    [InlineData("""[1]""")]
    [InlineData("""[[1]]""")]
    [InlineData("""[{"id":[1]}]""")]
    [InlineData("""[{"id":{}}]""")]
    [InlineData("""[{"id":1}]]""")]
    [InlineData("""[{"id":1},]""")]
    [InlineData("")]
    public void What_is_no_whole_array_of_rows_is_never_ended_in_order(string json)
    {
        foreach (var form in Enum.GetValues<RowForm>())
            Assert.True(Record.Exception(() => Transcode(form, [Encoding.UTF8.GetBytes(json)], [2])) is JsonException or InvalidDataException);
    }

    [Fact]
    public void What_is_relayed_is_what_is_written_value_by_value() => Prop.ForAll(Cases(), c =>
    {
        // Names without anything unusual, so that rows are too, but for their texts.
        var pages = c.Rows.Chunk(Math.Max(1, c.Rows.Length / c.Pages)).Select(p => JsonSerializer.SerializeToUtf8Bytes(p.Select(r => new { r.Id, r.Text, r.On, r.Number }), Relaxed)).ToList();
        int[] cuts = [.. c.Cuts.Select(cut => cut * cut)];
        return Array.TrueForAll([true, false], lines =>
        {
            using var relay = new RowRelay(lines);
            using var transcoder = new RowTranscoder(new JsonRows(lines, []));
            return Transcode(relay, pages, cuts) == Transcode(transcoder, pages, cuts) && relay.Rows == c.Rows.Length;
        });
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("[{\"id\":\n1}]")]
    [InlineData("[{\"id\":1\r\n}]")]
    [InlineData("[{\"id\":\"a\nb\"}]")]
    public void No_row_is_relayed_that_has_a_line_break(string json) =>
        Assert.Throws<InvalidDataException>(() => Transcode(new RowRelay(lines: true), [Encoding.UTF8.GetBytes(json)], [3]));

    [Fact]
    public void Spaces_and_line_breaks_between_rows_change_nothing() => Assert.Equal(
        "{\"id\":1}\n{\"id\":\"]}\\\\\\\"\"}\n",
        Transcode(new RowRelay(lines: true), [Encoding.UTF8.GetBytes(" [ {\"id\":1}\r\n,\t{\"id\":\"]}\\\\\\\"\"} ]\n")], [2]));

    [Fact]
    public void A_row_without_all_columns_is_no_line_of_csv() =>
        Assert.Throws<InvalidDataException>(() => Transcode(RowForm.Csv, ["""[{"id":1}]"""u8.ToArray()], [100]));

    [Fact]
    public void A_value_of_many_pieces_comes_through_whole()
    {
        var value = new string('x', 3_000_000) + "\"" + new string('y', 3_000_000);
        var rows = new Row[] { new(1, value, null, null), new(2, "after", true, 1) };
        Assert.Equal(value, Csv.Parse(Transcode(RowForm.Csv, [Json(rows)], [1000]))[1][1]);
        Assert.Equal(Encoding.UTF8.GetString(Json(rows)), Transcode(RowForm.Array, [Json(rows)], [32 * 1024]));
    }

    [Theory]
    [InlineData(RowForm.Array)]
    [InlineData(RowForm.Csv)]
    public void A_long_text_is_written_on_as_it_comes(object form)
    {
        using var transcoder = ((RowForm)form).To(Columns, integersAsText: false);
        var json = Json([new(1, string.Concat(Enumerable.Repeat("é\"😀\\\n", 300_000)), true, 1)], new JsonSerializerOptions());
        long written = 0;
        for (var at = 0; at < json.Length; at += 10_000)
        {
            transcoder.Add(json.AsSpan(at, Math.Min(10_000, json.Length - at)));
            Assert.InRange(transcoder.Output.Length, 0, 200_000);
            written += transcoder.Output.Length;
            transcoder.Output.Clear();
            Assert.True(written > (at - 200_000) / 4, $"{written} bytes written of {at}");
        }
        transcoder.EndArray();
        Assert.Equal(1, transcoder.Rows);
    }

    static string? Text(object? value) => value switch
    {
        null => null,
        bool bit => bit ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };
}

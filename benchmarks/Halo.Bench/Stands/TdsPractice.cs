using System.Globalization;
using System.Text;
using Halo.Testing.Tds;

namespace Halo.Bench.Stands;

/// <summary>A practice on SQL Server, played by the tests' own TDS server: it gives as many rows as are asked for, as fast as they are taken.</summary>
static class TdsPractice
{
    /// <summary>Made once, and sent again and again: ids begin anew.</summary>
    const int RowsOfABlock = 1000;

    /// <summary>Rows of four columns, of which three have no bound.</summary>
    public static string Rows(int count) => string.Create(CultureInfo.InvariantCulture, $"SELECT id, note, record, scan FROM visits /* {count} */");

    /// <summary>One row of one xml value.</summary>
    public static string Xml(int megabytes) => string.Create(CultureInfo.InvariantCulture, $"SELECT record FROM records /* {megabytes} MB */");

    public static async Task AnswerAsync(TdsRequest request, TdsAnswer answer)
    {
        if (request.Asked.StartsWith("SELECT id", StringComparison.Ordinal))
        {
            var count = NumberIn(request.Asked);
            answer.Columns(TdsColumn.Int("id"), TdsColumn.NVarCharMax("note"), TdsColumn.Xml("record"), TdsColumn.VarBinaryMax("scan"));
            await answer.FlushAsync();
            for (var id = 0; id < RowsOfABlock; id++)
                answer.Row(id, Note(id), $"<visit id=\"{id}\"><reason>{Note(id)}</reason><fee currency=\"AUD\">{id % 300}.50</fee></visit>", Scan(id));
            await answer.FlushRepeatedlyAsync(count / RowsOfABlock);
            answer.Done(TdsCommand.Select, count);
        }
        else if (request.Asked.StartsWith("SELECT record", StringComparison.Ordinal))
        {
            answer.Columns(TdsColumn.Xml("record"));
            answer.Row(Document(NumberIn(request.Asked)));
            answer.Done(TdsCommand.Select, 1);
        }
    }

    static int NumberIn(string text) => int.Parse(text.Split("/* ")[1].Split(' ')[0], CultureInfo.InvariantCulture);

    static string Note(int id) => $"Seen by doctor {id % 17} for the {id % 9}th time; pressure {100 + id % 60}/{60 + id % 40}, no complaints since the last visit.";

    static byte[] Scan(int id)
    {
        var bytes = new byte[120];
        new Random(id).NextBytes(bytes);
        return bytes;
    }

    /// <summary>So many MB of UTF-16.</summary>
    static string Document(int megabytes)
    {
        var text = new StringBuilder("<records>");
        for (var id = 0; text.Length < megabytes * 500_000; id++)
            text.Append(CultureInfo.InvariantCulture, $"<visit id=\"{id}\"><reason>{Note(id)}</reason></visit>");
        return text.Append("</records>").ToString();
    }
}

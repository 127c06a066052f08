using System.Text;

namespace Halo.Api.Tests.Results.Formats;

/// <summary>A strict reader of RFC 4180, written from the standard: an empty field without quotes is null.</summary>
static class Csv
{
    public static List<List<string?>> Parse(string text)
    {
        var lines = new List<List<string?>>();
        var at = 0;
        while (at < text.Length)
        {
            var fields = new List<string?>();
            do
                fields.Add(Field(text, ref at));
            while (at < text.Length && text[at] == ',' && ++at > 0);
            Assert.Equal("\r\n", text.Substring(at, 2));
            at += 2;
            lines.Add(fields);
        }
        return lines;
    }

    static string? Field(string text, ref int at)
    {
        var field = new StringBuilder();
        if (text[at] != '"')
        {
            while (text[at] is not (',' or '\r'))
            {
                Assert.False(text[at] is '"' or '\n');
                field.Append(text[at++]);
            }
            return field.Length == 0 ? null : field.ToString();
        }
        at++;
        while (text[at] != '"' || text[at + 1] == '"')
        {
            at += text[at] == '"' ? 1 : 0;
            field.Append(text[at++]);
        }
        at++;
        return field.ToString();
    }
}

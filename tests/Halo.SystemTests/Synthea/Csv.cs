using System.Text;

namespace Halo.SystemTests.Synthea;

/// <summary>Comma-separated values (RFC 4180): an unquoted empty cell is null, a quoted one is empty text.</summary>
static class Csv
{
    public static IEnumerable<string?[]> Read(TextReader text)
    {
        var row = new List<string?>();
        var cell = new StringBuilder();
        var (quoted, inQuotes) = (false, false);
        int next;
        while ((next = text.Read()) >= 0)
        {
            var c = (char)next;
            if (inQuotes)
            {
                if (c != '"')
                    cell.Append(c);
                else if (text.Peek() == '"')
                    cell.Append((char)text.Read());
                else
                    inQuotes = false;
            }
            else if (c == '"' && cell.Length == 0)
                quoted = inQuotes = true;
            else if (c == ',')
                EndCell();
            else if (c == '\n')
            {
                EndCell();
                yield return [.. row];
                row.Clear();
            }
            else if (c != '\r' || text.Peek() != '\n')
                cell.Append(c);
        }
        if (inQuotes)
            throw new FormatException("The file ends inside of quotes.");
        if (row.Count > 0 || cell.Length > 0 || quoted)
        {
            EndCell();
            yield return [.. row];
        }

        void EndCell()
        {
            row.Add(cell.Length == 0 && !quoted ? null : cell.ToString());
            cell.Clear();
            quoted = false;
        }
    }
}

using System.Data;
using System.Diagnostics;
using Microsoft.Data.SqlClient;

namespace Halo.Bench.References;

/// <summary>What a program of the practice's own would do: every value of every row, whole, by the driver alone.</summary>
/// <remarks>In sequential access: this version's plain getters fail where a packet ends amid the length of a piece of a long value.</remarks>
static class SqlClientReader
{
    /// <returns>Seconds from asking to the last row.</returns>
    public static double Read(string connectionString, string sql, int rows)
    {
        var start = Stopwatch.GetTimestamp();
        using var connection = new SqlConnection(connectionString);
        connection.Open();
        using var command = new SqlCommand(sql, connection) { CommandTimeout = 0 };
        using var reader = command.ExecuteReader(CommandBehavior.SequentialAccess);
        var (read, length) = (0, 0L);
        for (; reader.Read(); read++)
        {
            length += reader.GetInt32(0);
            using (var note = reader.GetTextReader(1))
                length += note.ReadToEnd().Length;
            using (var record = reader.GetXmlReader(2))
            {
                record.MoveToContent();
                length += record.ReadOuterXml().Length;
            }
            using var scan = new MemoryStream();
            using (var bytes = reader.GetStream(3))
                bytes.CopyTo(scan);
            length += scan.ToArray().Length;
        }
        if (read != rows || length == 0)
            throw new InvalidOperationException($"{read} rows came instead of {rows}.");
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}

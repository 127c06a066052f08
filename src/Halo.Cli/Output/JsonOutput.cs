using System.Runtime.InteropServices;
using System.Text.Json;
using Halo.Client.Rows;

namespace Halo.Cli.Output;

/// <summary>Rows as JSON byte for byte as they came: in one array, or one to a line.</summary>
sealed class JsonOutput(Stream stream, bool lines) : RowOutput(stream)
{
    long _rows;

    public override void Row(JsonElement row) => Row(JsonMarshal.GetRawUtf8Value(row));

    public override void Row(Row row) => Row(row.Json);

    void Row(ReadOnlySpan<byte> json)
    {
        if (!lines)
            Stream.Write(_rows == 0 ? "[\n"u8 : ",\n"u8);
        Stream.Write(json);
        if (lines)
            Stream.WriteByte((byte)'\n');
        _rows++;
    }

    protected override void Row(string?[] values, bool[] isText) => throw new NotSupportedException();

    protected override void End()
    {
        if (!lines)
            Stream.Write(_rows == 0 ? "[]\n"u8 : "\n]\n"u8);
    }
}

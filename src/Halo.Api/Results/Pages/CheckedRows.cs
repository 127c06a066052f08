using System.Buffers;
using System.Text.Json;
using Halo.Api.Results.Formats;

namespace Halo.Api.Results.Pages;

/// <summary>Writes nothing: rows are only looked at.</summary>
sealed class CheckedRows : IRowWriter
{
    public void Begin(PooledBuffer output)
    {
    }

    public void BeginRow(PooledBuffer output, bool first)
    {
    }

    public void Name(PooledBuffer output, ref readonly Utf8JsonReader name, int column)
    {
    }

    public void Value(PooledBuffer output, ref readonly Utf8JsonReader value, int column)
    {
    }

    public void BeginText(PooledBuffer output, int column)
    {
    }

    /// <summary>The reader does not see the inside of a long text: its escapes and characters are checked here.</summary>
    public void Text(PooledBuffer output, ReadOnlySpan<byte> piece)
    {
        if (!piece.ContainsAnyInRange((byte)0, (byte)0x1F) && !piece.Contains((byte)'\\'))
            return;
        var quoted = ArrayPool<byte>.Shared.Rent(piece.Length + 2);
        try
        {
            quoted[0] = quoted[piece.Length + 1] = (byte)'"';
            piece.CopyTo(quoted.AsSpan(1));
            new Utf8JsonReader(quoted.AsSpan(0, piece.Length + 2)).Read();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(quoted);
        }
    }

    public void EndText(PooledBuffer output)
    {
    }

    public void EndRow(PooledBuffer output, int count)
    {
    }

    public void End(PooledBuffer output)
    {
    }
}

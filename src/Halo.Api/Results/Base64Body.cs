using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;

namespace Halo.Api.Results;

/// <summary>Writes bytes as base64 while they come; nothing holds the whole.</summary>
static class Base64Body
{
    // A multiple of three, so that no piece but the last needs padding.
    const int Piece = 48 * 1024;

    /// <summary>Copies <paramref name="source"/> to its end.</summary>
    public static async Task CopyAsync(Stream source, PipeWriter body, CancellationToken stop)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Piece);
        try
        {
            int read;
            do
            {
                read = await source.ReadAtLeastAsync(buffer.AsMemory(0, Piece), Piece, throwOnEndOfStream: false, stop);
                Encode(body, buffer.AsSpan(0, read));
                await body.FlushAsync(stop);
            }
            while (read == Piece);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    static void Encode(PipeWriter body, ReadOnlySpan<byte> bytes)
    {
        Base64.EncodeToUtf8(bytes, body.GetSpan(Base64.GetMaxEncodedToUtf8Length(bytes.Length)), out _, out var written);
        body.Advance(written);
    }
}

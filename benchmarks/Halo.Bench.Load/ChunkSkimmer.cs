namespace Halo.Bench.Load;

/// <summary>Finds the end of a chunked body without keeping it.</summary>
struct ChunkSkimmer
{
    Part _part;
    long _size;

    enum Part
    {
        Size,
        Extension,
        Data,
        LastLine,
    }

    /// <returns>True once the body is over.</returns>
    public bool Take(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            if (_part == Part.Data)
            {
                // The CRLF after a chunk counts as part of it.
                var taken = (int)Math.Min(_size, bytes.Length);
                bytes = bytes[taken..];
                _size -= taken;
                if (_size == 0)
                    _part = Part.Size;
                continue;
            }
            var next = bytes[0];
            bytes = bytes[1..];
            if (_part == Part.LastLine)
            {
                if (next == '\n')
                    return true;
            }
            else if (next == '\n')
            {
                _part = _size == 0 ? Part.LastLine : Part.Data;
                _size += _size == 0 ? 0 : 2;
            }
            else if (next is (byte)';' or (byte)'\r')
            {
                _part = Part.Extension;
            }
            else if (_part == Part.Size)
            {
                _size = _size * 16 + Convert.ToInt32(((char)next).ToString(), 16);
            }
        }
        return false;
    }
}

using System.Text;

namespace Halo.Releases.Bundles;

/// <summary>Reads a tar that has plain files alone (ustar), one after another.</summary>
/// <remarks>The framework's reader takes links, devices, and headers of any length into memory, before anybody has looked at a signature. A bundle needs none of these, so whatever is not a plain file is an error here.</remarks>
sealed class TarReader(Stream tar)
{
    const int Block = 512;
    /// <summary>Tar ends with two blocks of zeros, and is filled up to twenty.</summary>
    const int MostFilling = 20 * Block;
    readonly byte[] _header = new byte[Block];
    long _left;
    int _padding;

    /// <summary>Of the entry that is read now.</summary>
    public string Name { get; private set; } = "";

    public long Length { get; private set; }

    /// <summary>Goes to the next entry, past what was not read of this one.</summary>
    /// <param name="longest">Bytes that it may have.</param>
    /// <returns>False: the tar is at its end, in order.</returns>
    /// <exception cref="ReleaseRefusedException">It is no plain file, too long, or damaged.</exception>
    public bool Next(long longest)
    {
        Skip(_left + _padding);
        (_left, _padding) = (0, 0);
        Fill(_header);
        if (!_header.AsSpan().ContainsAnyExcept((byte)0))
        {
            CheckEnd();
            return false;
        }
        if (!_header.AsSpan(257, 5).SequenceEqual("ustar"u8) || Octal(148, 8) != Checksum())
            throw Damaged("an entry has no header as tar has it");
        if (_header[156] is not ((byte)'0' or 0))
            throw Damaged("it has an entry that is not a plain file");
        (Name, Length) = (NameOf(), Octal(124, 12));
        if (Length > longest)
            throw Damaged($"an entry has {Length} bytes, and {longest} are allowed");
        (_left, _padding) = (Length, (int)((Block - Length % Block) % Block));
        return true;
    }

    /// <summary>Bytes of this entry.</summary>
    /// <returns>0 at its end.</returns>
    public int Read(Span<byte> buffer)
    {
        if (_left == 0)
            return 0;
        var read = tar.Read(buffer[..(int)Math.Min(buffer.Length, _left)]);
        if (read == 0)
            throw Cut();
        _left -= read;
        return read;
    }

    /// <summary>The whole entry, whose length was bounded by <see cref="Next"/>.</summary>
    public byte[] ReadAll()
    {
        var content = new byte[Length];
        var read = 0;
        while (Read(content.AsSpan(read)) is > 0 and var n)
            read += n;
        return content;
    }

    string NameOf()
    {
        var (name, prefix) = (Text(0, 100), Text(345, 155));
        return prefix.Length == 0 ? name : $"{prefix}/{name}";
    }

    string Text(int at, int length)
    {
        var field = _header.AsSpan(at, length);
        var end = field.IndexOf((byte)0);
        return Encoding.Latin1.GetString(end < 0 ? field : field[..end]);
    }

    long Octal(int at, int length)
    {
        var (number, digits) = (0L, 0);
        foreach (var c in _header.AsSpan(at, length))
        {
            if (c is (byte)' ' or 0)
            {
                if (digits > 0)
                    break;
            }
            else if (c is < (byte)'0' or > (byte)'7')
                throw Damaged("an entry has no header as tar has it");
            else
                (number, digits) = (number * 8 + c - '0', digits + 1);
        }
        return number;
    }

    long Checksum()
    {
        var sum = 0L;
        for (var i = 0; i < Block; i++)
            sum += i is >= 148 and < 156 ? ' ' : _header[i];
        return sum;
    }

    void CheckEnd()
    {
        var filling = 0;
        int read;
        // To the end also because gzip's own checksum is looked at there.
        while ((read = tar.Read(_header)) > 0)
        {
            filling += read;
            if (filling > MostFilling || _header.AsSpan(0, read).ContainsAnyExcept((byte)0))
                throw Damaged("it goes on after its end");
        }
        if (filling < Block)
            throw Cut();
    }

    void Skip(long bytes)
    {
        var buffer = new byte[4096];
        while (bytes > 0)
        {
            var read = tar.Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length, bytes)));
            if (read == 0)
                throw Cut();
            bytes -= read;
        }
    }

    void Fill(Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var read = tar.Read(buffer);
            if (read == 0)
                throw Cut();
            buffer = buffer[read..];
        }
    }

    static ReleaseRefusedException Cut() => Damaged("it is cut off");

    static ReleaseRefusedException Damaged(string what) => new(RefusalKind.Damaged, $"The release is damaged: {what}.");
}

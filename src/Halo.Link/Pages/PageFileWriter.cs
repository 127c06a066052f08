using System.Security.Cryptography;
using Halo.Link.Files;

namespace Halo.Link.Pages;

/// <summary>Writes one page into the spool while it is made; what is not finished goes when this is disposed.</summary>
sealed class PageFileWriter : IDisposable
{
    readonly SpoolShare _share;
    readonly int _number;
    readonly string _temporary;
    readonly AesGcm _cipher;
    readonly FileStream _file;
    readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    readonly byte[] _chunk = System.Buffers.ArrayPool<byte>.Shared.Rent(PageFile.ChunkBytes);
    readonly byte[] _sealed = System.Buffers.ArrayPool<byte>.Shared.Rent(PageFile.ChunkBytes + LocalKey.TagBytes);
    int _filled;
    uint _index;
    long _compressed;
    long _position;
    bool _finished;

    public PageFileWriter(SpoolShare share, int number, LocalKey key)
    {
        _share = share;
        _number = number;
        _temporary = share.PathOf(number, ".tmp");
        Span<byte> salt = stackalloc byte[PageFile.SaltBytes];
        RandomNumberGenerator.Fill(salt);
        _cipher = PageFile.Cipher(key, salt);
        _file = OwnFiles.Open(_temporary, FileMode.Create, FileAccess.Write);
        try
        {
            Append(salt);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Free room in the current chunk; never empty.</summary>
    public Span<byte> Free
    {
        get
        {
            if (_filled == PageFile.ChunkBytes)
                WriteChunk();
            return _chunk.AsSpan(_filled, PageFile.ChunkBytes - _filled);
        }
    }

    /// <summary>So many compressed bytes were put into <see cref="Free"/>.</summary>
    public void Advance(int bytes) => _filled += bytes;

    /// <summary>Closes the page and gives it its name.</summary>
    public PageInfo Finish(long rowStart, long rowCount, long jsonSize)
    {
        if (_filled > 0)
            WriteChunk();
        var info = new PageInfo(_number, rowStart, rowCount, jsonSize, _compressed, _hash.GetHashAndReset());
        Span<byte> plain = stackalloc byte[PageInfo.Bytes];
        info.Write(plain);
        AppendSealed(plain, PageFile.TrailerIndex);
        _file.Dispose();
        File.Move(_temporary, _share.PathOf(_number, Spool.Waiting));
        _finished = true;
        _share.Finished(_number, _position);
        return info;
    }

    public void Dispose()
    {
        _file.Dispose();
        _cipher.Dispose();
        _hash.Dispose();
        System.Buffers.ArrayPool<byte>.Shared.Return(_chunk);
        System.Buffers.ArrayPool<byte>.Shared.Return(_sealed);
        if (_finished)
            return;
        _share.Grow(-_position);
        try
        {
            File.Delete(_temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It goes with the query's folder, or at the next start.
        }
    }

    void WriteChunk()
    {
        var plain = _chunk.AsSpan(0, _filled);
        _hash.AppendData(plain);
        _compressed += _filled;
        AppendSealed(plain, _index++);
        _filled = 0;
    }

    void AppendSealed(ReadOnlySpan<byte> plain, uint index)
    {
        Span<byte> nonce = stackalloc byte[PageFile.NonceBytes];
        Span<byte> associated = stackalloc byte[PageFile.AssociatedBytes];
        PageFile.Nonce(nonce, index);
        PageFile.Associated(associated, _share.QueryId, _number, index);
        _cipher.Encrypt(nonce, plain, _sealed.AsSpan(0, plain.Length), _sealed.AsSpan(plain.Length, LocalKey.TagBytes), associated);
        Append(_sealed.AsSpan(0, plain.Length + LocalKey.TagBytes));
    }

    void Append(ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(_file.SafeFileHandle, bytes, _position);
        _position += bytes.Length;
        _share.Grow(bytes.Length);
    }
}

using System.Security.Cryptography;
using Halo.Link.Files;
using Microsoft.Win32.SafeHandles;

namespace Halo.Link.Pages;

/// <summary>Reads a page out of the spool, piece by piece, each checked before it is handed on.</summary>
sealed class PageFileReader : IDisposable
{
    readonly Guid _queryId;
    readonly int _number;
    readonly SafeFileHandle _file;
    readonly AesGcm _cipher;

    /// <exception cref="FileNotFoundException">There is no such page.</exception>
    /// <exception cref="PageDamagedException">It is not what was written.</exception>
    public PageFileReader(string path, Guid queryId, int number, LocalKey key)
    {
        _queryId = queryId;
        _number = number;
        _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        Span<byte> salt = stackalloc byte[PageFile.SaltBytes];
        _cipher = RandomAccess.Read(_file, salt, 0) == salt.Length ? PageFile.Cipher(key, salt) : throw Damaged();
        Span<byte> info = stackalloc byte[PageInfo.Bytes];
        var length = RandomAccess.GetLength(_file);
        if (length < PageFile.SaltBytes + PageFile.TrailerBytes)
            throw Damaged();
        Open(length - PageFile.TrailerBytes, PageFile.TrailerIndex, info);
        Info = PageInfo.Read(info);
        if (Info.Number != number || PageFile.FileBytes(Info.CompressedSize) != length)
            throw Damaged();
    }

    /// <summary>What is known of the page.</summary>
    public PageInfo Info { get; }

    /// <summary>Reads the piece that begins at <paramref name="offset"/> of the compressed bytes, a multiple of 32 KiB.</summary>
    /// <param name="destination">At least 32 KiB.</param>
    /// <returns>Its length; 0 at the end.</returns>
    /// <exception cref="PageDamagedException">It is not what was written.</exception>
    public int Read(long offset, Span<byte> destination)
    {
        var bytes = (int)Math.Min(PageFile.ChunkBytes, Info.CompressedSize - offset);
        if (bytes <= 0)
            return 0;
        var index = offset / PageFile.ChunkBytes;
        Open(PageFile.SaltBytes + index * (PageFile.ChunkBytes + LocalKey.TagBytes), (uint)index, destination[..bytes]);
        return bytes;
    }

    public void Dispose()
    {
        _file.Dispose();
        _cipher?.Dispose();
    }

    void Open(long position, uint index, Span<byte> plain)
    {
        var bytes = plain.Length + LocalKey.TagBytes;
        var rented = System.Buffers.ArrayPool<byte>.Shared.Rent(bytes);
        try
        {
            var cipherText = rented.AsSpan(0, bytes);
            if (RandomAccess.Read(_file, cipherText, position) != bytes)
                throw Damaged();
            Span<byte> nonce = stackalloc byte[PageFile.NonceBytes];
            Span<byte> associated = stackalloc byte[PageFile.AssociatedBytes];
            PageFile.Nonce(nonce, index);
            PageFile.Associated(associated, _queryId, _number, index);
            _cipher.Decrypt(nonce, cipherText[..plain.Length], cipherText[plain.Length..], plain, associated);
        }
        catch (CryptographicException e)
        {
            throw Damaged(e);
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(rented);
        }
    }

    PageDamagedException Damaged(Exception? inner = null)
    {
        Dispose();
        return new PageDamagedException(_number, inner);
    }
}

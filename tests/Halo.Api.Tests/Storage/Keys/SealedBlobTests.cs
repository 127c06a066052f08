using System.Security.Cryptography;
using FsCheck;
using FsCheck.Fluent;
using Halo.Api.Storage.Keys;

namespace Halo.Api.Tests.Storage.Keys;

public class SealedBlobTests
{
    static readonly Guid QueryId = Guid.Parse("0197a5c0-0000-7000-8000-000000000001");
    static readonly DataKey Key = new(QueryId, [.. Enumerable.Range(0, 32).Select(i => (byte)i)], []);

    // Around the edges of chunks, where mistakes live; and anything between.
    static Arbitrary<int> Lengths => Gen.OneOf(
        Gen.Choose(0, 300_000), Gen.Elements(0, 1, 15, 16, 17, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073)).ToArbitrary();

    static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    static async Task<byte[]> SealByStreamAsync(byte[] plain, int piece)
    {
        var target = new MemoryStream();
        await using var seal = new SealingStream(Key, BlobPlace.Page(1), target);
        for (var i = 0; i < plain.Length; i += piece)
            await seal.WriteAsync(plain.AsMemory(i, Math.Min(piece, plain.Length - i)), CancellationToken.None);
        await seal.CompleteAsync(CancellationToken.None);
        return target.ToArray();
    }

    static async Task<byte[]> ReadAsync(byte[] blob, long from, int length, DataKey? key = null, BlobPlace? place = null)
    {
        await using var stream = await OpeningStream.OpenAsync(new MemoryStream(blob), key ?? Key, place ?? BlobPlace.Page(1), CancellationToken.None);
        stream.Position = from;
        var bytes = new byte[length];
        await stream.ReadExactlyAsync(bytes);
        return bytes;
    }

    [Fact]
    public void Any_bytes_come_back_whole_or_streamed_in_any_pieces() =>
        Prop.ForAll(Lengths, Gen.Choose(1, 100_000).ToArbitrary(), (length, piece) =>
        {
            var plain = Bytes(length);
            var blob = SealByStreamAsync(plain, piece).Result;
            return SealedBlob.Open(Key, BlobPlace.Page(1), blob).AsSpan().SequenceEqual(plain)
                && ReadAsync(SealedBlob.Seal(Key, BlobPlace.Page(1), plain), 0, length).Result.AsSpan().SequenceEqual(plain);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_range_is_the_slice_of_the_whole() =>
        Prop.ForAll(Lengths, Gen.Choose(0, 1000).ToArbitrary(), Gen.Choose(0, 1000).ToArbitrary(), (length, a, b) =>
        {
            var plain = Bytes(length);
            var from = length * Math.Min(a, b) / 1000;
            var to = length * Math.Max(a, b) / 1000;
            return ReadAsync(SealedBlob.Seal(Key, BlobPlace.Page(1), plain), from, to - from).Result.AsSpan().SequenceEqual(plain.AsSpan(from..to));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_changed_byte_is_refused() =>
        Prop.ForAll(Lengths, Gen.Choose(0, 1_000_000).ToArbitrary(), Gen.Choose(1, 255).ToArbitrary(), (length, place, change) =>
        {
            var blob = SealedBlob.Seal(Key, BlobPlace.Page(1), Bytes(length));
            blob[(int)((long)place * blob.Length / 1_000_001)] ^= (byte)change;
            return Refuses(() => SealedBlob.Open(Key, BlobPlace.Page(1), blob)) && Refuses(() => ReadAsync(blob, 0, length).GetAwaiter().GetResult());
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Anything_cut_off_is_refused_before_a_byte_is_read() =>
        Prop.ForAll(Lengths, Gen.Choose(0, 1_000_000).ToArbitrary(), (length, place) =>
        {
            var blob = SealedBlob.Seal(Key, BlobPlace.Page(1), Bytes(length));
            var cut = blob[..(int)((long)place * blob.Length / 1_000_001)];
            return Refuses(() => SealedBlob.Open(Key, BlobPlace.Page(1), cut)) && Refuses(() => ReadAsync(cut, 0, 0).GetAwaiter().GetResult());
        }).QuickCheckThrowOnFailure();

    [Fact]
    public async Task A_blob_cut_at_the_end_of_a_chunk_is_refused()
    {
        var blob = SealedBlob.Seal(Key, BlobPlace.Page(1), Bytes(3 * SealedBlob.ChunkBytes));
        var cut = blob[..(int)SealedLayout.OffsetOf(2)];
        await Assert.ThrowsAsync<SealBrokenException>(() => ReadAsync(cut, 0, 10));
    }

    [Fact]
    public async Task Chunks_that_changed_places_are_refused()
    {
        var blob = SealedBlob.Seal(Key, BlobPlace.Page(1), Bytes(3 * SealedBlob.ChunkBytes));
        const int Sealed = SealedBlob.ChunkBytes + SealedBlob.TagBytes;
        var first = blob.AsSpan(SealedBlob.HeaderBytes, Sealed).ToArray();
        blob.AsSpan(SealedBlob.HeaderBytes + Sealed, Sealed).CopyTo(blob.AsSpan(SealedBlob.HeaderBytes));
        first.CopyTo(blob.AsSpan(SealedBlob.HeaderBytes + Sealed));
        await Assert.ThrowsAsync<SealBrokenException>(() => ReadAsync(blob, 0, 10));
    }

    [Fact]
    public void A_page_opens_under_its_own_number_kind_query_and_key_alone()
    {
        var plain = Bytes(70_000);
        var blob = SealedBlob.Seal(Key, BlobPlace.Page(1), plain);
        var otherQuery = new DataKey(Guid.Parse("0197a5c0-0000-7000-8000-000000000002"), Key.Key, []);
        var otherKey = new DataKey(QueryId, RandomNumberGenerator.GetBytes(32), []);

        Assert.Equal(plain, SealedBlob.Open(Key, BlobPlace.Page(1), blob));
        Assert.Throws<SealBrokenException>(() => SealedBlob.Open(Key, BlobPlace.Page(2), blob));
        Assert.Throws<SealBrokenException>(() => SealedBlob.Open(Key, BlobPlace.Command with { Number = 1 }, blob));
        Assert.Throws<SealBrokenException>(() => SealedBlob.Open(otherQuery, BlobPlace.Page(1), blob));
        Assert.Throws<SealBrokenException>(() => SealedBlob.Open(otherKey, BlobPlace.Page(1), blob));
    }

    [Fact]
    public void The_same_bytes_sealed_twice_under_one_key_share_nothing()
    {
        var a = SealedBlob.Seal(Key, BlobPlace.Detail, new byte[64]);
        var b = SealedBlob.Seal(Key, BlobPlace.Detail, new byte[64]);
        Assert.NotEqual(a[8..40], b[8..40]);
        Assert.NotEqual(a[40..], b[40..]);
    }

    static bool Refuses(Action action)
    {
        try
        {
            action();
            return false;
        }
        catch (SealBrokenException)
        {
            return true;
        }
    }
}

using System.Security.Cryptography;
using System.Text.Json;

namespace Halo.Releases.Trust;

/// <summary>The root keys that are trusted. They stay offline and sign the certificates of release keys, and the next list.</summary>
/// <param name="Number">Grows with every list: none takes the place of one with a higher number.</param>
/// <param name="Roots">Several, so that one can be lost.</param>
sealed record RootList(int Number, IReadOnlyList<RootKey> Roots)
{
    const int MostRoots = 16;

    /// <summary>What this build was made with.</summary>
    public static RootList BuiltIn()
    {
        using var resource = typeof(RootList).Assembly.GetManifestResourceStream("roots.json")!;
        using var copy = new MemoryStream();
        resource.CopyTo(copy);
        return Parse(copy.ToArray());
    }

    /// <summary>Reads one from a place that can be trusted.</summary>
    /// <exception cref="ReleaseRefusedException">It is damaged.</exception>
    public static RootList Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return Checked(JsonSerializer.Deserialize(json, ReleaseJson.Default.RootList));
        }
        catch (JsonException)
        {
            throw Damaged();
        }
    }

    /// <summary>The next list, which one of these roots has signed.</summary>
    /// <exception cref="ReleaseRefusedException">None of them has, or it is damaged.</exception>
    /// <returns>Itself where the other is not newer.</returns>
    public RootList Next(ReadOnlySpan<byte> signed)
    {
        var next = Checked(SignedBody.Open(signed, ReleaseJson.Default.RootList, ReleaseSignature.OfRoots, this, "The list of root keys"));
        return next.Number > Number && next.Roots.Count > 0 ? next : this;
    }

    public static byte[] Sign(RootList list, RSA root) => SignedBody.Sign(list, ReleaseJson.Default.RootList, ReleaseSignature.OfRoots, root);

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ReleaseJson.Default.RootList);

    static RootList Checked(RootList? list) =>
        list is { Roots: not null } && list.Roots.Count <= MostRoots && list.Roots.All(r => r is { Id: not null, Key: not null } && r.Id == ReleaseSignature.IdOf(r.Key)) ? list : throw Damaged();

    static ReleaseRefusedException Damaged() => new(RefusalKind.Damaged, "The list of root keys is damaged.");
}

/// <summary>A root key that is trusted.</summary>
/// <param name="Id">By which signatures name it.</param>
/// <param name="Key">SubjectPublicKeyInfo.</param>
sealed record RootKey(string Id, byte[] Key)
{
    public static RootKey Of(RSA root)
    {
        var key = root.ExportSubjectPublicKeyInfo();
        return new(ReleaseSignature.IdOf(key), key);
    }
}

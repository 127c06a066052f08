using Halo.Link.Files;
using Halo.Link.Tests.Work.Async;

namespace Halo.Link.Tests.Files;

public sealed class LocalKeyTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_is_made_once_and_then_kept()
    {
        Assert.True(LocalKey.Open(_folder.Path).IsNew);
        var file = Path.Combine(_folder.Path, LocalKey.FileName);
        var bytes = File.ReadAllBytes(file);
        Assert.False(LocalKey.Open(_folder.Path).IsNew);
        Assert.Equal(bytes, File.ReadAllBytes(file));
    }

    [Fact]
    public void Nobody_but_the_owner_reads_it()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has access lists instead of modes; run on Linux.");
            return;
        }
        LocalKey.Open(_folder.Path);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_folder.Path, LocalKey.FileName)));
    }

    [Fact]
    public void Purposes_and_salts_have_keys_of_their_own()
    {
        var key = LocalKey.Open(_folder.Path);
        string[] sealedBytes = [Seal("a", 1), Seal("a", 2), Seal("b", 1)];
        Assert.Equal(3, sealedBytes.Distinct().Count());
        Assert.Equal(Seal("a", 1), sealedBytes[0]);

        string Seal(string purpose, byte salt)
        {
            using var cipher = key.Cipher(purpose, [salt]);
            var (text, tag) = (new byte[16], new byte[16]);
            cipher.Encrypt(new byte[12], new byte[16], text, tag);
            return Convert.ToHexString(text);
        }
    }
}

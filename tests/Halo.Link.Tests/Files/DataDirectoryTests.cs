using Halo.Link.Files;
using Halo.Link.Settings;
using Halo.Link.Tests.Work.Async;

namespace Halo.Link.Tests.Files;

public sealed class DataDirectoryTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_second_Link_on_the_same_directory_refuses_to_start()
    {
        using var first = DataDirectory.Open(_folder.Path);
        var fault = Assert.Single(Assert.Throws<SettingsException>(() => DataDirectory.Open(_folder.Path)).Faults);
        Assert.Contains("in use by another Halo Link", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_is_free_again_when_its_Link_has_gone()
    {
        DataDirectory.Open(_folder.Path).Dispose();
        DataDirectory.Open(_folder.Path).Dispose();
    }

    [Fact]
    public void The_key_stays_and_with_the_lock_is_readable_by_its_owner_alone()
    {
        using var directory = DataDirectory.Open(_folder.Path);
        using var made = LinkKey.Load(directory);
        using var read = LinkKey.Load(directory);
        Assert.Equal(made.PublicKey(), read.PublicKey());
        TemporaryFolder.AssertOwnersAlone(Directory.GetFiles(directory.Path));
    }

    [Fact]
    public void A_damaged_key_is_never_replaced_in_silence()
    {
        using var directory = DataDirectory.Open(_folder.Path);
        File.WriteAllText(directory.PathOf("link.key"), "not a key");
        Assert.Contains("link.key", Assert.Throws<SettingsException>(() => LinkKey.Load(directory)).Message, StringComparison.Ordinal);
        Assert.Equal("not a key", File.ReadAllText(directory.PathOf("link.key")));
    }

    [Fact]
    public void A_damaged_identity_is_never_replaced_in_silence()
    {
        using var directory = DataDirectory.Open(_folder.Path);
        File.WriteAllText(directory.PathOf("identity.json"), "{");
        Assert.Contains("identity.json", Assert.Throws<SettingsException>(() => LinkIdentity.Load(directory, [], TimeProvider.System)).Message, StringComparison.Ordinal);
    }
}

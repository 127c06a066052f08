using System.Security.Cryptography;
using System.Text;
using Halo.Releases.Handover;
using Halo.SystemTests.Disk;
using Halo.Testing;

namespace Halo.SystemTests.Updating;

/// <summary>What the updater does not take, and that the Link that runs does not notice.</summary>
[Collection(nameof(Updating))]
public sealed class RefusedReleaseTests
{
    [Fact]
    public async Task Every_bad_bundle_is_refused_by_its_own_reason_and_the_Link_runs_on()
    {
        Assert.SkipWhen(UpdateWorld.Missing is not null, UpdateWorld.Missing ?? "");
        await using var world = await UpdateWorld.StartAsync();
        var (a, b, older) = (TestReleases.Version(0), TestReleases.Version(1), TestReleases.Version(0)[..^1] + "0");
        using var stranger = RSA.Create(2048);
        var now = TimeProvider.System.GetUtcNow();
        var good = await File.ReadAllBytesAsync(world.Releases.SmallBundle(b));
        var session = await SinceAsync(world);

        await RefusedAsync(world, world.Releases.SmallBundle(a), "runs already");
        await RefusedAsync(world, world.Releases.SmallBundle(older), "is older than");
        await RefusedAsync(world, world.Releases.SmallBundle(b, key: stranger), "somebody else made it");
        await RefusedAsync(world, world.Releases.SmallBundle(b, key: stranger, certificate: world.Releases.CertificateOf(stranger, now.AddDays(-1))), "expired");
        await RefusedAsync(world, world.Releases.SmallBundle(b, r => r with { Expires = now.AddMinutes(-1) }), "expired at");
        await RefusedAsync(world, world.Releases.SmallBundle(b, r => r with { System = "windows" }), "is for windows");
        await RefusedAsync(world, world.Releases.SmallBundle(b, r => r with { MinimumFrom = b }), "or a later one first");
        await RefusedAsync(world, world.Releases.SmallBundle(b, r => r with { Files = [.. r.Files.Take(1)] }), "halo-link-updater is missing");
        await RefusedAsync(world, Written(world, good[..(good.Length / 2)]), "damaged");
        await RefusedAsync(world, Written(world, [.. good[..^200], .. new byte[200]]), "damaged");
        await RefusedAsync(world, Written(world, RandomNumberGenerator.GetBytes(100_000)), "no bundle");
        await RefusedAsync(world, Written(world, []), "damaged");

        // The API's time counts: this machine's clock may be years behind.
        var late = world.HandOver(world.Releases.SmallBundle(b), apiTime: now.AddYears(1));
        Assert.Contains("expired", (await world.EndAsync(late)).Message, StringComparison.Ordinal);

        // What leads elsewhere is not followed, and what is no request is removed.
        var folder = Path.Combine(world.Data, UpdateRequest.DirectoryName);
        File.CreateSymbolicLink(Path.Combine(folder, "link.bundle"), world.Releases.SmallBundle(b));
        var id = Guid.CreateVersion7(now);
        world.Ask(new UpdateRequest(id, "link.bundle").ToBytes());
        Assert.Contains("no plain file", (await world.EndAsync(id)).Message, StringComparison.Ordinal);
        foreach (var request in (string[])["", "{", "[]", new string('x', 100_000), $$"""{"id":"{{id}}","bundle":"../../etc/passwd"}"""])
        {
            world.Ask(Encoding.UTF8.GetBytes(request));
            await Eventually.BecomesAsync(() => Task.FromResult(File.Exists(Path.Combine(folder, UpdateRequest.FileName))), there => !there);
        }

        Assert.Equal((a, session), (world.Current, await SinceAsync(world)));
        Assert.Equal([a], Directory.GetDirectories(Path.Combine(world.Programs, "versions")).Select(d => Path.GetFileName(d)));
        // It says so to a person too.
        var told = await world.HaloLinkAsync("update", "--from", world.Releases.SmallBundle(a));
        Assert.Equal(2, told.ExitCode);
        Assert.Contains("runs already", told.Output, StringComparison.Ordinal);
        Assert.Equal(2, (await world.HaloLinkAsync("update", "--from", "/nowhere")).ExitCode);
        Assert.Contains("No version is kept", (await world.EndAsync(world.HandOver(null))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_version_below_the_security_floor_does_not_come_back()
    {
        Assert.SkipWhen(UpdateWorld.Missing is not null, UpdateWorld.Missing ?? "");
        await using var world = await UpdateWorld.StartAsync();
        var (a, b) = (TestReleases.Version(0), TestReleases.Version(1));
        Assert.Equal(UpdateOutcome.Installed, (await world.EndAsync(world.HandOver(world.Releases.Bundle(b, with: r => r with { SecurityFloor = b })))).Outcome);
        Assert.Equal(b, world.Stands.SecurityFloor);
        await RefusedAsync(world, null, "must not come back");
        await RefusedAsync(world, world.Releases.SmallBundle(a), "must not come back");
        Assert.Equal(b, await world.RunningAsync());
    }

    [Fact]
    public async Task A_full_disk_harms_nothing()
    {
        Assert.SkipWhen(UpdateWorld.Missing is not null, UpdateWorld.Missing ?? "");
        var path = Directory.CreateTempSubdirectory("halo-programs-").FullName;
        try
        {
            using var disk = SmallDisk.Mount(path, 256);
            await using var world = await UpdateWorld.StartAsync(path);
            var (a, b, session) = (TestReleases.Version(0), TestReleases.Version(1), await SinceAsync(world));
            var bundle = world.Releases.Bundle(b);

            // It is seen before.
            disk.Leave(70 << 20);
            Assert.Contains("have to stay free", (await FailedAsync(world, bundle)).Message, StringComparison.Ordinal);
            // It is not: names run out before bytes do.
            disk.Clear();
            disk.LeaveNames(40);
            Assert.Contains("could not be unpacked", (await FailedAsync(world, bundle)).Message, StringComparison.Ordinal);
            Assert.Equal((a, session), (world.Current, await SinceAsync(world)));
            Assert.Equal([a], Directory.GetDirectories(Path.Combine(path, "versions")).Select(d => Path.GetFileName(d)));

            disk.ClearNames();
            Assert.Equal(UpdateOutcome.Installed, (await world.EndAsync(world.HandOver(bundle))).Outcome);
        }
        finally
        {
            Directory.Delete(path, recursive: true);
        }
    }

    static async Task<UpdateResult> FailedAsync(UpdateWorld world, string bundle)
    {
        var end = await world.EndAsync(world.HandOver(bundle));
        Assert.Equal(UpdateOutcome.Failed, end.Outcome);
        return end;
    }

    static async Task RefusedAsync(UpdateWorld world, string? bundle, string said)
    {
        var end = await world.EndAsync(world.HandOver(bundle));
        Assert.True(end.Outcome == UpdateOutcome.Refused && end.Message.Contains(said, StringComparison.Ordinal), $"{end.Outcome}: {end.Message}");
        Assert.Empty(Directory.GetFiles(Path.Combine(world.Data, UpdateRequest.DirectoryName)));
    }

    /// <summary>Which run of the Link it is: no other has been started.</summary>
    static async Task<string> SinceAsync(UpdateWorld world) =>
        System.Text.Json.Nodes.JsonNode.Parse((await world.HaloLinkAsync("status", "--json")).Output)!["runId"]!.GetValue<string>();

    static string Written(UpdateWorld world, byte[] content)
    {
        var path = Path.Combine(world.Fixture.TemporaryDirectory, "bad.bundle");
        File.WriteAllBytes(path, content);
        return path;
    }
}

using System.CommandLine;
using System.IO.Compression;
using Halo.Releases.Bundles;
using Halo.Releases.Trust;

namespace Halo.Releases.Tool;

/// <summary>Making bundles, and looking at them as a Link's updater does.</summary>
static class BundleCommands
{
    public static Command Bundle()
    {
        var directory = Commands.Required("--directory", "The files of the version.");
        var version = Commands.Required("--version", "YY.Mdd.build");
        var architecture = Commands.Required("--architecture", "x64 or arm64.");
        var system = new Option<string>("--system") { Description = "linux or windows.", DefaultValueFactory = _ => "linux" };
        var channel = new Option<string>("--channel") { Description = "Whom it is meant for.", DefaultValueFactory = _ => "stable" };
        var created = new Option<long>("--created") { Description = "Seconds since 1970, as SOURCE_DATE_EPOCH; now where it is left out.", DefaultValueFactory = _ => TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() };
        var days = new Option<int>("--days") { Description = "After how many days nobody installs it any more.", DefaultValueFactory = _ => 365 };
        var from = new Option<string?>("--minimum-from") { Description = "The oldest version that may go to it directly." };
        var floor = new Option<string?>("--security-floor") { Description = "Once it is installed, none below this version comes back." };
        var key = Commands.Required("--key", "The release key.");
        var certificate = Commands.Required("--certificate", "Its certificate.");
        var next = new Option<string?>("--next-roots") { Description = "A signed list of root keys that it brings." };
        var quick = new Option<bool>("--quick") { Description = "Hardly compressed: for trying." };
        var to = Commands.Required("--out", "The bundle.");
        return new Command("bundle", "Makes and signs a bundle.") { directory, version, architecture, system, channel, created, days, from, floor, key, certificate, next, quick, to }.Does(parsed =>
        {
            var made = DateTimeOffset.FromUnixTimeSeconds(parsed.GetValue(created));
            var release = new ReleaseManifest
            {
                Product = ReleaseManifest.HaloLink,
                Version = parsed.GetRequiredValue(version),
                Channel = parsed.GetValue(channel)!,
                System = parsed.GetValue(system)!,
                Architecture = parsed.GetRequiredValue(architecture),
                Created = made,
                Expires = made.AddDays(parsed.GetValue(days)),
                MinimumFrom = parsed.GetValue(from),
                SecurityFloor = parsed.GetValue(floor),
                Files = BundleWriter.Describe(parsed.GetRequiredValue(directory)),
            };
            // What an updater would refuse is not made.
            ReleaseManifest.Parse(release.ToBytes());
            using var signing = KeyFile.Read(parsed.GetRequiredValue(key));
            var head = BundleWriter.Sign(release, signing, File.ReadAllBytes(parsed.GetRequiredValue(certificate)), parsed.GetValue(next) is { } roots ? File.ReadAllBytes(roots) : null);
            using var bundle = File.Create(parsed.GetRequiredValue(to));
            BundleWriter.Write(bundle, head, release, parsed.GetRequiredValue(directory), parsed.GetValue(quick) ? CompressionLevel.Fastest : CompressionLevel.SmallestSize);
        });
    }

    public static Command Verify()
    {
        var roots = Commands.Required("--roots", "The list of root keys.");
        var bundle = new Argument<string>("bundle");
        return new Command("verify", "Reads a bundle as a Link's updater does.") { roots, bundle }.Does(parsed =>
        {
            using var file = File.OpenRead(parsed.GetRequiredValue(bundle));
            using var reader = BundleReader.Open(file, RootList.Parse(File.ReadAllBytes(parsed.GetRequiredValue(roots))), TimeProvider.System.GetUtcNow());
            reader.ReadFiles(_ => Stream.Null);
            var release = reader.Release;
            Console.WriteLine($"Halo Link {release.Version} for {release.System} on {release.Architecture}: {release.Files.Count} files, {release.TotalBytes} bytes, channel {release.Channel}, expires {release.Expires:u}.");
        });
    }
}

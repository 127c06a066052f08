using System.CommandLine;
using Halo.Releases.Trust;

namespace Halo.Releases.Tool;

/// <summary>Making keys, and saying which are trusted.</summary>
static class KeyCommands
{
    public static Command Root()
    {
        var key = Commands.Required("--key", "Where the private key goes; it must not exist yet.");
        var roots = Commands.Required("--roots", "The list of root keys, made where there is none; ./package --roots builds it in. A key is added, and the list's number grows.");
        return new Command("root", "Makes a root key.") { key, roots }.Does(parsed =>
        {
            var path = parsed.GetRequiredValue(roots);
            var list = File.Exists(path) ? RootList.Parse(File.ReadAllBytes(path)) : new(0, []);
            using var made = KeyFile.Create(parsed.GetRequiredValue(key));
            File.WriteAllBytes(path, new RootList(list.Number + 1, [.. list.Roots, RootKey.Of(made)]).ToBytes());
            Console.WriteLine($"{RootKey.Of(made).Id}: keep {parsed.GetRequiredValue(key)} offline, and a copy elsewhere.");
        });
    }

    public static Command Roots()
    {
        var list = Commands.Required("--roots", "The list that is to hold from now on.");
        var root = Commands.Required("--root-key", "A root key that installed Links trust.");
        var to = Commands.Required("--out", "Where the signed list goes: halo-release bundle --next-roots takes it.");
        return new Command("roots", "Signs a list of root keys. The next release brings it, and takes away what is not in it.") { list, root, to }.Does(parsed =>
        {
            using var key = KeyFile.Read(parsed.GetRequiredValue(root));
            File.WriteAllBytes(parsed.GetRequiredValue(to), RootList.Sign(RootList.Parse(File.ReadAllBytes(parsed.GetRequiredValue(list))), key));
        });
    }

    public static Command Key()
    {
        var root = Commands.Required("--root-key", "The root key that vouches for it.");
        var key = Commands.Required("--key", "Where the private key goes; it must not exist yet.");
        var certificate = Commands.Required("--certificate", "Where its certificate goes.");
        var days = new Option<int>("--days") { Description = "How long it signs releases.", DefaultValueFactory = _ => 365 };
        return new Command("key", "Makes a release key and its certificate.") { root, key, certificate, days }.Does(parsed =>
        {
            using var vouching = KeyFile.Read(parsed.GetRequiredValue(root));
            using var made = KeyFile.Create(parsed.GetRequiredValue(key));
            var now = TimeProvider.System.GetUtcNow();
            // A day of grace: clocks differ.
            File.WriteAllBytes(parsed.GetRequiredValue(certificate), ReleaseCertificate.Make(made, now.AddDays(-1), now.AddDays(parsed.GetValue(days)), vouching));
        });
    }
}

using System.Security.Cryptography;

namespace Halo.Releases.Tool;

/// <summary>A private key in a file, as PKCS#8 in PEM, which its owner alone can read.</summary>
static class KeyFile
{
    const int Bits = 3072;

    public static RSA Create(string path)
    {
        var key = RSA.Create(Bits);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var writer = new StreamWriter(path, options);
        writer.WriteLine(key.ExportPkcs8PrivateKeyPem());
        return key;
    }

    public static RSA Read(string path)
    {
        var key = RSA.Create();
        key.ImportFromPem(File.ReadAllText(path));
        return key;
    }
}

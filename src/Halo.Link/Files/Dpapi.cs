using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace Halo.Link.Files;

/// <summary>Windows' protection of secrets for the account that runs the service, straight from crypt32: its package is not to be had.</summary>
[SupportedOSPlatform("windows")]
static partial class Dpapi
{
    const int NoUserInterface = 1;

    public static byte[] Protect(byte[] plain) => Convert(plain, protect: true);

    public static byte[] Unprotect(byte[] secret) => Convert(secret, protect: false);

    static unsafe byte[] Convert(byte[] input, bool protect)
    {
        fixed (byte* data = input)
        {
            var from = new Blob { Length = input.Length, Data = (nint)data };
            var to = default(Blob);
            var done = protect
                ? CryptProtectData(ref from, null, 0, 0, 0, NoUserInterface, ref to)
                : CryptUnprotectData(ref from, 0, 0, 0, 0, NoUserInterface, ref to);
            if (!done)
                throw new CryptographicException(Marshal.GetLastPInvokeError());
            try
            {
                var output = new byte[to.Length];
                Marshal.Copy(to.Data, output, 0, to.Length);
                return output;
            }
            finally
            {
                LocalFree(to.Data);
            }
        }
    }

    [LibraryImport("crypt32.dll", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CryptProtectData(
        ref Blob dataIn, string? description, nint entropy, nint reserved, nint prompt, int flags, ref Blob dataOut);

    [LibraryImport("crypt32.dll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CryptUnprotectData(
        ref Blob dataIn, nint description, nint entropy, nint reserved, nint prompt, int flags, ref Blob dataOut);

    [LibraryImport("kernel32.dll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial nint LocalFree(nint memory);

    [StructLayout(LayoutKind.Sequential)]
    struct Blob
    {
        public int Length;
        public nint Data;
    }
}

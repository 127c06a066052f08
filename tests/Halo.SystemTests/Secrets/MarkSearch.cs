using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Npgsql;

namespace Halo.SystemTests.Secrets;

/// <summary>Searches what programs wrote and show for marks, and remembers where it looked and what it found.</summary>
sealed class MarkSearch(Marks marks)
{
    readonly SortedSet<string> _found = [];

    /// <summary>One sentence for each mark that was found.</summary>
    public IReadOnlyCollection<string> Found => _found;

    /// <summary>Everything that had content.</summary>
    public ISet<string> Places { get; } = new HashSet<string>();

    public void Search(string place, string text) => Search(place, Encoding.UTF8.GetBytes(text));

    public void Search(string place, ReadOnlyMemory<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        Places.Add(place);
        _found.UnionWith(marks.In(bytes).Select(mark => $"{mark}: in {place}"));
    }

    /// <summary>Every file below a directory, as it is and, where it is compressed, decompressed.</summary>
    /// <param name="except">Files where the marks belong, by path.</param>
    public void SearchFiles(string directory, Func<string, bool> except)
    {
        foreach (var file in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Where(f => !except(f)))
        {
            if (Read(file) is not { Length: > 0 } bytes)
                continue;
            Search(file, bytes);
            foreach (var (how, inner) in Decompressed(bytes))
                Search($"{file}, decompressed ({how})", inner);
        }
    }

    /// <summary>Command lines of every process, and the environments of those that <paramref name="parents"/> started.</summary>
    public void SearchProcesses(params int[] parents)
    {
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), out _)))
            Search($"the command line of process {Path.GetFileName(process)}", ReadGone($"{process}/cmdline"));
        foreach (var child in parents.SelectMany(Halo.Testing.Processes.Signals.ChildrenOf))
            Search("the environment of a child process", ReadGone($"/proc/{child}/environ"));
    }

    /// <summary>Every row of every table.</summary>
    public async Task SearchDatabaseAsync(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        foreach (var table in await ReadTextsAsync(connection, "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'"))
            foreach (var row in await ReadTextsAsync(connection, $"SELECT t::text FROM {table} t"))
                Search($"the store's table {table}", row);
    }

    static async Task<List<string>> ReadTextsAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        var texts = new List<string>();
        while (await reader.ReadAsync())
            texts.Add(reader.GetString(0));
        return texts;
    }

    /// <summary>Null: it is gone, or no file with content. The runtime's diagnostic pipes are of those: who reads one waits for ever.</summary>
    static byte[]? Read(string file)
    {
        try
        {
            if (new FileInfo(file).Length == 0)
                return null;
            using var stream = new FileStream(OpenLocked(file), FileAccess.Read);
            using var content = new MemoryStream();
            stream.CopyTo(content);
            return content.ToArray();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Opens a file that its writer has for itself.</summary>
    static SafeFileHandle OpenLocked(string file)
    {
        const int ReadOnly = 0;
        var handle = Open(file, ReadOnly);
        if (!handle.IsInvalid)
            return handle;
        const int NoSuchFile = 2;
        throw Marshal.GetLastPInvokeError() == NoSuchFile ? new FileNotFoundException(null, file) : new IOException(Marshal.GetLastPInvokeErrorMessage());
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern SafeFileHandle Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    static byte[] ReadGone(string file)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The process has ended.
            return [];
        }
    }

    static IEnumerable<(string How, byte[] Bytes)> Decompressed(byte[] bytes)
    {
        yield return ("Brotli", Decompress(new BrotliStream(new MemoryStream(bytes), CompressionMode.Decompress)));
        yield return ("gzip", Decompress(new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress)));
    }

    /// <summary>As far as it can be decompressed.</summary>
    static byte[] Decompress(Stream stream)
    {
        const int Most = 64 << 20;
        using var content = new MemoryStream();
        try
        {
            using (stream)
            {
                var buffer = new byte[64 * 1024];
                while (content.Length < Most && stream.Read(buffer) is var read and > 0)
                    content.Write(buffer, 0, read);
            }
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException or IOException)
        {
            // It is not compressed, or not to its end.
        }
        return content.ToArray();
    }
}

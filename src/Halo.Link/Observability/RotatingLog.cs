using System.Globalization;
using System.Text;

namespace Halo.Link.Observability;

/// <summary>A log in files, bounded in size, number and age, for where there is no terminal and no journal. A disk that is full costs lines, and nothing else.</summary>
/// <remarks>Not safe for several threads: <see cref="Console.SetOut"/> makes it so.</remarks>
sealed class RotatingLog : TextWriter
{
    const string Name = "halo-link";

    readonly string _folder;
    readonly TimeProvider _time;
    FileStream? _file;

    public RotatingLog(string folder, TimeProvider time)
        : base(CultureInfo.InvariantCulture)
    {
        (_folder, _time) = (folder, time);
        RemoveOld();
    }

    /// <summary>Of one file. Default 10 MiB.</summary>
    public long MaxBytes { get; init; } = 10 << 20;

    /// <summary>With the one that is written. Default 5.</summary>
    public int MaxFiles { get; init; } = 5;

    /// <summary>Since it was last written. Default 30 days.</summary>
    public TimeSpan MaxAge { get; init; } = TimeSpan.FromDays(30);

    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value) => Write([value]);

    public override void Write(string? value) => Write(value.AsSpan());

    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    public override void Write(ReadOnlySpan<char> buffer)
    {
        if (buffer.IsEmpty)
            return;
        try
        {
            _file ??= Open();
            var bytes = new byte[Encoding.GetMaxByteCount(buffer.Length)];
            _file.Write(bytes, 0, Encoding.GetBytes(buffer, bytes));
            // Whole lines stay together.
            if (_file.Length >= MaxBytes && buffer[^1] == '\n')
                Rotate();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _file?.Dispose();
            _file = null;
        }
    }

    protected override void Dispose(bool disposing)
    {
        _file?.Dispose();
        base.Dispose(disposing);
    }

    FileStream Open()
    {
        Directory.CreateDirectory(_folder);
        // Unbuffered: the last line is there when the process ends, however it ends. Others may read it meanwhile.
        return new(PathOf(0), FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
    }

    void Rotate()
    {
        _file?.Dispose();
        _file = null;
        for (var number = MaxFiles - 1; number > 0; number--)
            if (File.Exists(PathOf(number - 1)))
                File.Move(PathOf(number - 1), PathOf(number), overwrite: true);
        RemoveOld();
    }

    void RemoveOld()
    {
        try
        {
            for (var number = 1; number < MaxFiles; number++)
                if (File.Exists(PathOf(number)) && _time.GetUtcNow() - File.GetLastWriteTimeUtc(PathOf(number)) > MaxAge)
                    File.Delete(PathOf(number));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody reads it: next time.
        }
    }

    string PathOf(int number) => Path.Combine(_folder, number == 0 ? $"{Name}.log" : $"{Name}.{number}.log");
}

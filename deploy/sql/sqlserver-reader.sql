-- A login for Halo Link that can read one database and nothing else: enough for the policy { "readOnly": true }.
-- Run it as a member of sysadmin, in sqlcmd or in Management Studio with SQLCMD mode on. Change the three names first.
--   sqlcmd -S localhost -E -i sqlserver-reader.sql -v database="BPSPatients" login="halo_reader" password="a long random password"
-- Running it again does no harm. Works on SQL Server 2012 and later.

SET NOCOUNT ON;
SET XACT_ABORT ON;
GO

USE [master];
GO
IF SUSER_ID(N'$(login)') IS NULL
    CREATE LOGIN [$(login)] WITH PASSWORD = N'$(password)', CHECK_POLICY = ON, CHECK_EXPIRATION = OFF, DEFAULT_DATABASE = [$(database)];
GO

-- Lets the Link see who waits for whom (protection.blockingGuardMs): its own statement is cancelled where it holds the practice up.
-- Without it everything else works; halo-link status says that it is missing. SQL Server 2022 and later have the narrower right.
IF CAST(PARSENAME(CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)), 4) AS int) >= 16
    EXEC (N'GRANT VIEW SERVER PERFORMANCE STATE TO [$(login)]');
ELSE
    GRANT VIEW SERVER STATE TO [$(login)];
GO

USE [$(database)];
GO
IF DATABASE_PRINCIPAL_ID(N'$(login)') IS NULL
    CREATE USER [$(login)] FOR LOGIN [$(login)];
GO
ALTER ROLE db_datareader ADD MEMBER [$(login)];
-- Whatever is granted to public later: it changes no table by itself.
ALTER ROLE db_denydatawriter ADD MEMBER [$(login)];
-- Many practice systems grant EXECUTE to public, and a procedure may write. The system's own procedures stay allowed.
DECLARE @sql nvarchar(max) = N'';
SELECT @sql += N'DENY EXECUTE ON SCHEMA::' + QUOTENAME(name) + N' TO [$(login)];'
FROM sys.schemas WHERE schema_id < 16384 AND name NOT IN (N'sys', N'INFORMATION_SCHEMA', N'guest');
EXEC (@sql);
GO

-- Empty, or the right that still stands in the way, as Halo Link would name it.
EXECUTE AS USER = N'$(login)';
SELECT p.permission_name, USER_NAME(p.grantee_principal_id) AS granted_to, OBJECT_NAME(p.major_id) AS on_object
FROM sys.database_permissions AS p
WHERE p.state IN ('G', 'W') AND p.class = 1 AND p.major_id > 0 AND p.permission_name IN ('INSERT', 'UPDATE', 'DELETE', 'EXECUTE', 'ALTER', 'CONTROL')
    AND IS_MEMBER(USER_NAME(p.grantee_principal_id)) = 1
    AND HAS_PERMS_BY_NAME(QUOTENAME(OBJECT_SCHEMA_NAME(p.major_id)) + N'.' + QUOTENAME(OBJECT_NAME(p.major_id)), 'OBJECT', p.permission_name) = 1;
REVERT;
GO
